// jet-sign --verity and --enable-verity, and what is said about fs-verity.
#ifndef JET_CLI_VERITY_OPTION_H_
#define JET_CLI_VERITY_OPTION_H_

#include <array>
#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "cli/file_commands.h"
#include "crypto/hash_algorithm.h"
#include "sign/file_digest.h"

namespace jet::cli {

// A usage error when --verity or --enable-verity do not go with the other options.
absl::Status CheckVerity(const SignCommandOptions& options);

// A usage error for a hash that fs-verity has not.
absl::Status CheckVerityHash(crypto::HashAlgorithm hash);

// The word for `state` in JSON: "enabled", "enabled-now", "not-enabled".
const char* VerityStateName(sign::VerityState state);

// What follows the line of a signed file: "; fs-verity is enabled now", or nothing.
std::string VerityText(absl::optional<sign::VerityState> state);

// Tells that the kernel does not take signatures of `files` files yet, and what to do.
std::string VerityNote(size_t files);

// How many files fs-verity is enabled on. Thread-safe.
struct VerityCounts {
  std::array<std::atomic<size_t>, 3> by_state = {};  // indexed by sign::VerityState

  void Add(absl::optional<sign::VerityState> state) {
    if (state.has_value()) ++by_state.at(static_cast<size_t>(*state));
  }
  size_t of(sign::VerityState state) const { return by_state.at(static_cast<size_t>(state)); }
};

}  // namespace jet::cli

#endif  // JET_CLI_VERITY_OPTION_H_
