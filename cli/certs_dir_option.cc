#include "cli/certs_dir_option.h"

#include <cstdlib>

namespace jet::cli {
namespace {

// Where the product's documents put the files.
constexpr char kDefaultCertsDir[] = "/usr/local/junos-jet/certs";

}  // namespace

void DeclareCertsDir(OptionParser& parser, absl::optional<std::string>& certs_dir) {
  parser.Value("--certs-dir", certs_dir, "DIR",
               "Folder of keys, requests and certificates (JET_CERTS_DIR; "
               "/usr/local/junos-jet/certs)");
}

std::string CertsDir(const Session& session, const absl::optional<std::string>& given) {
  if (given.has_value()) return *given;
  const char* environment = std::getenv("JET_CERTS_DIR");
  if (environment != nullptr && *environment != '\0') return environment;
  return session.configuration.certs_dir.value_or(kDefaultCertsDir);
}

}  // namespace jet::cli
