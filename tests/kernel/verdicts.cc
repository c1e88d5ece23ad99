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

}  // namespace

Verdicts ReadVerdicts(const std::string& lines) {
  Verdicts verdicts;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    const Json object = Json::parse(line);
    if (Text(object, "type") != "file") continue;
    const std::filesystem::path path = Text(object, "path");
    verdicts[path.filename()] = {Text(object, "verdict"), Text(object, "kernel_cause"),
                                 object.contains("warnings") && !object["warnings"].empty()};
  }
  return verdicts;
}

Verdicts AppraiseFiles(const Workshop& workshop, const Paths& files,
                       const Certificates& certificates) {
  std::vector<std::string> command = Command(workshop, certificates);
  command.insert(command.end(), files.begin(), files.end());
  const CommandResult result = Run(command);
  if (result.status != 0 && result.status != 1) {
    throw std::runtime_error("jet appraise ended with status " + std::to_string(result.status) +
                             "\n" + result.err);
  }
  return ReadVerdicts(result.out);
}

Verdicts AppraiseRows(const Workshop& workshop, const std::vector<Row>& rows,
                      const Certificates& certificates) {
  std::map<Certificates, Paths> runs;
  for (const Row& row : rows) {
    if (row.expected.comparison == Comparison::kVerityRule) continue;
    const Certificates& named = row.expected.certified;
    runs[named.empty() ? certificates : named].push_back(row.file);
  }
  Verdicts verdicts;
  for (const auto& [trusted, files] : runs) {
    verdicts.merge(AppraiseFiles(workshop, files, trusted));
  }
  return verdicts;
}

}  // namespace jet::kernel
