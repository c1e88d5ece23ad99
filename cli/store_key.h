// Puts a key into the keystore and its certificate into the kernel's keyring: what
// `jet-keystore generate` and `jet-keystore import` have in common.
#ifndef JET_CLI_STORE_KEY_H_
#define JET_CLI_STORE_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "ima/signing_certificate.h"
#include "keystore/keystore.h"

namespace jet::cli {

// What a refusal of a certificate by .ima (ENOKEY: no key that this kernel trusts signed it) means.
enum class UntrustedByKernel {
  kFails,    // import: nothing is stored
  kIsNoted,  // generate: the key is stored, as other kernels may trust it
};

struct StoreKeyOptions {
  absl::optional<std::string> keyring;
  UntrustedByKernel untrusted = UntrustedByKernel::kFails;
  ima::ExpiredCertificates expired = ima::ExpiredCertificates::kRefuse;
};

// Checks the certificate, stores the key, mirrors it and prints the result.
absl::StatusOr<ExitStatus> StoreKey(Session& session, const keystore::NewKey& key,
                                    const StoreKeyOptions& options);

}  // namespace jet::cli

#endif  // JET_CLI_STORE_KEY_H_
