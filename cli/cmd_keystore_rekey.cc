#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

void ReportKeys(Session& session, const keystore::RekeyReport& report) {
  for (const std::string& name : report.moved) {
    session.output.Object({{"type", "key"}, {"name", name}, {"result", "moved"}});
    session.output.Result({name, "moved", " to the new store key", Tone::kGood});
  }
  for (const keystore::DamagedKey& failed : report.failed) {
    session.output.Object({{"type", "key"},
                           {"name", failed.name},
                           {"result", "failed"},
                           {"detail", std::string(failed.error.message())}});
    session.output.Error(
        absl::StrCat("key '", failed.name, "' was not moved: ", failed.error.message()));
  }
}

absl::StatusOr<ExitStatus> RunRekey(Session& session) {
  JET_ASSIGN_OR_RETURN(keystore::Keystore store,
                       OpenUnlockedKeystore(session, keystore::Access::kWrite));
  JET_ASSIGN_OR_RETURN(const keystore::RekeyReport report, store.Rekey());
  const bool finished = report.failed.empty();
  if (report.resumed) session.output.Note("went on with a rekey that had not ended");
  ReportKeys(session, report);
  session.output.Object({{"type", "summary"},
                         {"store_key_id", report.store_key_id},
                         {"resumed", report.resumed},
                         {"moved", report.moved.size()},
                         {"moved_before", report.moved_before},
                         {"failed", report.failed.size()},
                         {"finished", finished}});
  session.output.Line(absl::StrCat("moved ", report.moved.size(), ", moved before ",
                                   report.moved_before, ", failed ", report.failed.size()));
  if (!finished) {
    session.output.Note(
        "both store keys are kept and every other key can be used; restore or delete what failed, "
        "then run rekey again");
    return ExitStatus::kCouldNotDo;
  }
  session.output.Note(
      "the private keys themselves are the same: copies of the keystore made before still open "
      "with "
      "the old store key");
  return ExitStatus::kGood;
}

}  // namespace

RunFunction DeclareKeystoreRekey(OptionParser& /*parser*/) { return RunRekey; }

}  // namespace jet::cli
