#include "cli/peer_report.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace jet::cli {
namespace {

struct ResultRow {
  PeerResult result;
  const char* word;  // with hyphens in JSON
  Tone tone;
  ExitStatus status;
};

constexpr std::array<ResultRow, 17> kResults = {{
    {PeerResult::kImported, "imported", Tone::kGood, ExitStatus::kGood},
    {PeerResult::kGenerated, "generated", Tone::kGood, ExitStatus::kGood},
    {PeerResult::kDeleted, "deleted", Tone::kGood, ExitStatus::kGood},
    {PeerResult::kRenamed, "renamed", Tone::kGood, ExitStatus::kGood},
    {PeerResult::kAlreadyThere, "already there", Tone::kGood, ExitStatus::kGood},
    {PeerResult::kAlreadyGone, "already gone", Tone::kGood, ExitStatus::kGood},
    {PeerResult::kDoneByOther, "done by another process", Tone::kGood, ExitStatus::kGood},
    {PeerResult::kInStep, "in step", Tone::kGood, ExitStatus::kGood},
    {PeerResult::kVerifyOnly, "verify only", Tone::kPlain, ExitStatus::kGood},
    {PeerResult::kMissing, "missing", Tone::kBad, ExitStatus::kNo},
    {PeerResult::kOnlyThere, "only there", Tone::kDoubtful, ExitStatus::kNo},
    {PeerResult::kDamagedHere, "damaged here", Tone::kBad, ExitStatus::kCouldNotDo},
    {PeerResult::kDamagedThere, "damaged there", Tone::kBad, ExitStatus::kNo},
    {PeerResult::kConflict, "conflict", Tone::kBad, ExitStatus::kNo},
    {PeerResult::kRefused, "refused", Tone::kBad, ExitStatus::kCouldNotDo},
    {PeerResult::kFailed, "failed", Tone::kBad, ExitStatus::kCouldNotDo},
    {PeerResult::kUnreachable, "unreachable", Tone::kBad, ExitStatus::kCouldNotDo},
}};

const ResultRow& RowOf(PeerResult result) {
  return *std::find_if(kResults.begin(), kResults.end(),
                       [result](const ResultRow& row) { return row.result == result; });
}

const char* OperationWord(PeerOperation operation) {
  switch (operation) {
    case PeerOperation::kPut:
      return "put";
    case PeerOperation::kDelete:
      return "delete";
    case PeerOperation::kRename:
      return "rename";
    case PeerOperation::kCompare:
      break;
  }
  return "compare";
}

Json ObjectOf(const PeerOutcome& outcome) {
  Json object;
  object["type"] = "check";
  object["check"] = "peer";
  object["peer"] = outcome.peer;
  object["key"] = outcome.key.empty() ? Json(nullptr) : Json(outcome.key);
  object["operation"] = OperationWord(outcome.operation);
  object["result"] = absl::StrReplaceAll(RowOf(outcome.result).word, {{" ", "-"}});
  object["pending"] = outcome.pending;
  object["private_key"] =
      outcome.private_key.has_value() ? Json(*outcome.private_key) : Json(nullptr);
  object["detail"] = outcome.detail.empty() ? Json(nullptr) : Json(outcome.detail);
  return object;
}

std::string RestOf(const PeerOutcome& outcome) {
  std::string rest;
  if (outcome.verify_only) absl::StrAppend(&rest, ", can verify only");
  if (outcome.pending) absl::StrAppend(&rest, ", pending");
  if (!outcome.detail.empty()) absl::StrAppend(&rest, ": ", outcome.detail);
  return rest;
}

}  // namespace

void PrintPeerOutcome(Session& session, const PeerOutcome& outcome, ShowKey show) {
  session.output.Object(ObjectOf(outcome));
  const ResultRow& row = RowOf(outcome.result);
  const bool with_key = show == ShowKey::kYes && !outcome.key.empty();
  session.output.Result(
      {.subject = with_key ? absl::StrCat(outcome.peer, ": ", outcome.key) : outcome.peer,
       .word = row.word,
       .rest = RestOf(outcome),
       .tone = row.tone});
}

ExitStatus ExitStatusOf(const PeerOutcome& outcome) {
  const ExitStatus status =
      outcome.pending ? ExitStatus::kCouldNotDo : RowOf(outcome.result).status;
  const bool compared = outcome.operation == PeerOperation::kCompare;
  // To find a difference is an answer; to have been told to do away with it, a failure. Who asked
  // for the private key to be there was not served by less.
  if (!compared && (status == ExitStatus::kNo || outcome.result == PeerResult::kVerifyOnly)) {
    return ExitStatus::kCouldNotDo;
  }
  return status;
}

ExitStatus Worse(ExitStatus a, ExitStatus b) { return std::max(a, b); }

}  // namespace jet::cli
