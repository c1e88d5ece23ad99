// Answers to the questions of jet-certificate-request, from a file.
#ifndef JET_CLI_ANSWERS_FILE_H_
#define JET_CLI_ANSWERS_FILE_H_

#include <array>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "jet-cert-request/form.h"

namespace jet::cli {

// An answer for each field, in the order of cert_request::Fields(); nullopt where there is none.
using RawAnswers = std::array<absl::optional<std::string>, cert_request::kFieldCount>;

// Reads the TOML file at `path`: its keys are those of cert_request::Fields(), its values strings
// (for `index` also a whole number). An unknown key, a wrong type and bad syntax are usage errors
// that name the line. The rules of the fields are not looked at.
absl::StatusOr<RawAnswers> ReadAnswersFile(const std::string& path);

}  // namespace jet::cli

#endif  // JET_CLI_ANSWERS_FILE_H_
