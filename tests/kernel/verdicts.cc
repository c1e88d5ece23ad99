#include "tests/kernel/verdicts.h"

#include <stdlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "tests/kernel/command.h"

namespace jet::kernel {
namespace {

using Json = nlohmann::json;
using Certificates = std::vector<std::string>;

std::string AppraiseBin() {
  const char* other = getenv("JET_LAB_APPRAISE_BIN");
  return other != nullptr ? other : JetBin();
}

std::vector<std::string> Command(const Workshop& workshop, const Certificates& certificates) {
  std::vector<std::string> command = {AppraiseBin(), "appraise", "--json", "--scripts"};
  if (certificates.empty()) {
    command.insert(command.end(), {"--keystore", workshop.store()});
  }
  for (const std::string& name : certificates) {
    command.insert(command.end(), {"--x509-cert", workshop.CertificateOf(name)});
  }
  return command;
}

// A member that is absent or null is the empty string.
std::string Text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

void ReadVerdicts(const std::string& lines, std::map<std::string, Verdict>& verdicts) {
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    const Json object = Json::parse(line);
    if (Text(object, "type") != "file") continue;
    const std::filesystem::path path = Text(object, "path");
    verdicts[path.filename()] = {Text(object, "verdict"), Text(object, "kernel_cause")};
  }
}

}  // namespace

std::map<std::string, Verdict> AppraiseRows(const Workshop& workshop,
                                            const std::vector<Row>& rows) {
  std::map<Certificates, std::vector<std::string>> runs;
  for (const Row& row : rows) runs[row.expected.certified].push_back(row.file);
  std::map<std::string, Verdict> verdicts;
  for (const auto& [certificates, files] : runs) {
    std::vector<std::string> command = Command(workshop, certificates);
    command.insert(command.end(), files.begin(), files.end());
    const CommandResult result = Run(command);
    if (result.status != 0 && result.status != 1) {
      throw std::runtime_error("jet appraise ended with status " + std::to_string(result.status) +
                               "\n" + result.err);
    }
    ReadVerdicts(result.out, verdicts);
  }
  return verdicts;
}

}  // namespace jet::kernel
