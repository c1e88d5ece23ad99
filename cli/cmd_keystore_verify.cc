#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/peer_status.h"
#include "keystore/verify.h"

namespace jet::cli {
namespace {

using keystore::CheckedKind;
using keystore::CheckedObject;
using keystore::CheckResult;
using keystore::VerifyReport;

struct VerifyOptions {
  bool repair = false;
  bool peers = false;
  PeerOptions peer_options;
};

// How a result is printed: in capitals what makes the exit status other than 0.
struct ResultWords {
  const char* word;  // in JSON
  const char* text;
  Tone tone;
};

ResultWords WordsFor(CheckResult result) {
  switch (result) {
    case CheckResult::kVerified:
      return {"verified", "verified", Tone::kGood};
    case CheckResult::kFailed:
      return {"failed", "FAILED", Tone::kBad};
    case CheckResult::kOutOfDate:
      return {"out-of-date", "OUT OF DATE", Tone::kBad};
    case CheckResult::kUnchecked:
      return {"unchecked", "NOT CHECKED", Tone::kDoubtful};
    case CheckResult::kLeftOver:
      return {"left-over", "left over", Tone::kDoubtful};
  }
  return {};
}

const char* KindWord(CheckedKind kind) {
  switch (kind) {
    case CheckedKind::kFolder:
      return "folder";
    case CheckedKind::kStoreKey:
      return "store-key";
    case CheckedKind::kKey:
      return "key";
    case CheckedKind::kStaged:
      return "staged";
  }
  return "";
}

std::string Subject(const CheckedObject& object) {
  if (object.kind == CheckedKind::kKey) return absl::StrCat("key '", object.name, "'");
  return object.name == "." ? "keystore" : object.name;
}

void Print(Session& session, const CheckedObject& object) {
  const ResultWords words = WordsFor(object.result);
  session.output.Object({{"type", "check"},
                         {"check", "keystore"},
                         {"object", KindWord(object.kind)},
                         {"name", object.name},
                         {"result", words.word},
                         {"problems", object.problems}});
  const std::string problems = absl::StrJoin(object.problems, "; ");
  session.output.Result({Subject(object), words.text,
                         problems.empty() ? "" : absl::StrCat(": ", problems), words.tone});
}

// Lists the objects with `result` once more, as what the administrator has to look at.
void PrintList(Session& session, const VerifyReport& report, CheckResult result,
               absl::string_view heading) {
  std::vector<std::string> subjects;
  for (const CheckedObject& object : report.objects) {
    if (object.result == result) subjects.push_back(Subject(object));
  }
  if (subjects.empty()) return;
  session.output.Line(absl::StrCat(heading, ": ", absl::StrJoin(subjects, ", ")));
}

void PrintSummary(Session& session, const VerifyReport& report, size_t repaired) {
  session.output.Object({{"type", "summary"},
                         {"verified", report.Count(CheckResult::kVerified)},
                         {"failed", report.Count(CheckResult::kFailed)},
                         {"out_of_date", report.Count(CheckResult::kOutOfDate)},
                         {"unchecked", report.Count(CheckResult::kUnchecked)},
                         {"left_over", report.Count(CheckResult::kLeftOver)},
                         {"repaired", repaired}});
  PrintList(session, report, CheckResult::kFailed, "PKI objects that failed verification");
  PrintList(session, report, CheckResult::kOutOfDate, "PKI objects that are out of date");
  PrintList(session, report, CheckResult::kUnchecked, "PKI objects that were not fully checked");
}

ExitStatus StatusOf(const VerifyReport& report) {
  if (report.Count(CheckResult::kUnchecked) > 0) return ExitStatus::kCouldNotDo;
  const size_t bad = report.Count(CheckResult::kFailed) + report.Count(CheckResult::kOutOfDate);
  return bad > 0 ? ExitStatus::kNo : ExitStatus::kGood;
}

// Returns how many things were done.
size_t RunRepair(Session& session, absl::Status& status) {
  const keystore::RepairReport report =
      keystore::Repair(session.keystore, MasterKeyOptionsOf(session));
  for (const std::string& done : report.done) {
    session.output.Object({{"type", "check"}, {"check", "repair"}, {"done", done}});
    session.output.Line(absl::StrCat("repaired: ", done));
  }
  status = report.status;
  return report.done.size();
}

absl::StatusOr<ExitStatus> RunVerify(Session& session, const VerifyOptions& options) {
  // A passphrase is asked for before the store is locked; without one, what it takes to check all
  // is said of each key.
  (void)OpenUnlockedKeystore(session, keystore::Access::kRead);
  absl::Status repair;
  const size_t repaired = options.repair ? RunRepair(session, repair) : 0;
  JET_ASSIGN_OR_RETURN(
      const VerifyReport report,
      keystore::Verify(session.keystore, MasterKeyOptionsOf(session), absl::Now()));
  for (const CheckedObject& object : report.objects) Print(session, object);
  ExitStatus status = StatusOf(report);
  if (options.peers) {
    JET_ASSIGN_OR_RETURN(const ExitStatus peers, ReportPeers(session, options.peer_options));
    status = Worse(status, peers);
  }
  PrintSummary(session, report, repaired);
  if (!repair.ok()) return repair;
  if (status == ExitStatus::kGood) session.output.Line("All PKI objects: verification success");
  return status;
}

}  // namespace

RunFunction DeclareKeystoreVerify(OptionParser& parser) {
  auto options = std::make_shared<VerifyOptions>();
  parser.Flag("--repair", options->repair,
              "First finish or take back what a crash left, and set modes right; deletes no key");
  parser.Flag("--peers", options->peers, "Compare with the other Routing Engines too");
  DeclarePeerTimeout(parser, options->peer_options);
  return [options](Session& session) { return RunVerify(session, *options); };
}

}  // namespace jet::cli
