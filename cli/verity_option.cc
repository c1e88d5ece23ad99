#include "cli/verity_option.h"

#include "absl/strings/str_cat.h"
#include "cli/exit_status.h"
#include "crypto/verity_digest.h"

namespace jet::cli {

absl::Status CheckVerity(const SignCommandOptions& options) {
  if (!options.verity) {
    if (!options.enable_verity) return absl::OkStatus();
    return UsageError("--enable-verity goes with --verity: other signatures do not need it");
  }
  const SignatureDestinationOptions& destination = options.destination;
  if (destination.manifest.has_value()) {
    return UsageError(
        "--verity does not go with --manifest: a manifest holds signatures of contents; --detached "
        "writes each beside its file");
  }
  if (destination.output_dir.has_value()) {
    return UsageError("--verity does not go with --output-dir: copy the files, then sign those");
  }
  if (options.enable_verity && destination.suffix.has_value()) {
    return UsageError(
        "--enable-verity does not go with --detached: a copy of the file would not have it "
        "enabled; "
        "enable it where the file stays");
  }
  return absl::OkStatus();
}

absl::Status CheckVerityHash(crypto::HashAlgorithm hash) {
  if (crypto::IsVerityHash(hash)) return absl::OkStatus();
  return UsageError(absl::StrCat("fs-verity has sha256 and sha512, not ", crypto::NameOf(hash),
                                 ": --hash chooses one"));
}

const char* VerityStateName(sign::VerityState state) {
  switch (state) {
    case sign::VerityState::kEnabled:
      return "enabled";
    case sign::VerityState::kEnabledNow:
      return "enabled-now";
    case sign::VerityState::kNotEnabled:
      return "not-enabled";
  }
  return "";
}

std::string VerityText(absl::optional<sign::VerityState> state) {
  if (!state.has_value() || *state == sign::VerityState::kEnabled) return "";
  return *state == sign::VerityState::kEnabledNow ? "; fs-verity is enabled now"
                                                  : "; fs-verity is not enabled on it";
}

std::string VerityNote(size_t files) {
  return absl::StrCat(
      "fs-verity is not enabled on ", files,
      " of the signed files: the kernel refuses them until it is, with the signature's hash, "
      "blocks "
      "of 4096 bytes and no salt (fsverity enable, or jet-sign --verity --enable-verity)");
}

}  // namespace jet::cli
