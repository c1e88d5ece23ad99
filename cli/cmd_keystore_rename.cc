#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/replication.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

struct RenameOptions {
  std::string old_name;
  std::string new_name;
};

// The kernel's keyring holds certificates without the names that they have here: it stays as it is.
absl::StatusOr<ExitStatus> RunRename(Session& session, const RenameOptions& options) {
  for (const std::string& name : {options.old_name, options.new_name}) {
    const absl::Status good = keystore::CheckKeyName(name);
    if (!good.ok()) return UsageError(good.message());
  }
  JET_ASSIGN_OR_RETURN(keystore::Keystore store,
                       OpenUnlockedKeystore(session, keystore::Access::kWrite));
  JET_RETURN_IF_ERROR(store.Rename(options.old_name, options.new_name));
  session.output.Object(
      {{"type", "key"}, {"name", options.new_name}, {"renamed_from", options.old_name}});
  session.output.Line(
      absl::StrCat("key '", options.old_name, "' renamed to '", options.new_name, "'"));
  if (!OtherPeers(session).empty()) {
    session.output.Note(
        "the other Routing Engines have the key under its old name: jet-keystore sync gives it to "
        "them under the new one, and the old one is to be deleted there");
  }
  return ExitStatus::kGood;
}

}  // namespace

RunFunction DeclareKeystoreRename(OptionParser& parser) {
  auto options = std::make_shared<RenameOptions>();
  parser.Value("OLD", options->old_name, "", "Name of the key").Required();
  parser.Value("NEW", options->new_name, "", "Its new name").Required();
  return [options](Session& session) { return RunRename(session, *options); };
}

}  // namespace jet::cli
