// The option --certs-dir.
#ifndef JET_CLI_CERTS_DIR_OPTION_H_
#define JET_CLI_CERTS_DIR_OPTION_H_

#include <string>

#include "absl/types/optional.h"
#include "cli/command.h"
#include "cli/option_parser.h"

namespace jet::cli {

// Declares --certs-dir.
void DeclareCertsDir(OptionParser& parser, absl::optional<std::string>& certs_dir);

// Returns the folder: `given`, else JET_CERTS_DIR, else what the configuration says, else
// /usr/local/junos-jet/certs.
std::string CertsDir(const Session& session, const absl::optional<std::string>& given);

}  // namespace jet::cli

#endif  // JET_CLI_CERTS_DIR_OPTION_H_
