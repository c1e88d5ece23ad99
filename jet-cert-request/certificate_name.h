// The names of provider-prefix certificates: prefix-user-index or prefix-user-scope-index.
#ifndef JET_JET_CERT_REQUEST_CERTIFICATE_NAME_H_
#define JET_JET_CERT_REQUEST_CERTIFICATE_NAME_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace jet::cert_request {

// The most characters of a name: it is a common name (X.520, ub-common-name).
inline constexpr size_t kMaxCertificateName = 64;

// The parts of a certificate's name, which is its common name and the stem of its files.
struct CertificateName {
  std::string provider_prefix;   // [a-z][a-z0-9]*, assigned by the CA
  std::string user_string;       // [a-z][a-z0-9]+, chosen by the developer
  std::string deployment_scope;  // [a-zA-Z0-9][a-zA-Z0-9_-]* or empty, assigned by the CA
  uint64_t index = 0;            // the generation, from 1

  // "acme-dev1-2", "acme-dev1-emea-2".
  std::string Text() const;

  // True when the names differ in nothing but the index.
  bool IsSameButIndex(const CertificateName& other) const;

  friend bool operator==(const CertificateName& a, const CertificateName& b);
};

// The rules of the parts, as they read after "must be ".
inline constexpr char kProviderPrefixRule[] =
    "a lowercase letter, then lowercase letters or digits";
inline constexpr char kUserStringRule[] =
    "a lowercase letter, then one or more lowercase letters or digits";
inline constexpr char kDeploymentScopeRule[] =
    "empty, or a letter or digit, then letters, digits, hyphens or underscores";
inline constexpr char kIndexRule[] = "a positive number without leading zeros";

// One check per part, for a form: OK, or INVALID_ARGUMENT with "must be " and the rule.
absl::Status CheckProviderPrefix(absl::string_view text);
absl::Status CheckUserString(absl::string_view text);
absl::Status CheckDeploymentScope(absl::string_view text);  // an empty one is good
// Returns the number. No sign, no leading zeros, nothing above 2^64 - 1.
absl::StatusOr<uint64_t> ParseIndex(absl::string_view text);

// Checks all parts and the length of the whole. What passes also matches the CA's pattern for a
// whole name, [a-z][a-z0-9]*-[a-zA-Z0-9][a-zA-Z0-9_-]*: the rules of the parts are stricter.
// INVALID_ARGUMENT says which rule is broken.
absl::Status CheckCertificateName(const CertificateName& name);

// Takes a name apart; the inverse of Text() for every name that CheckCertificateName allows.
// INVALID_ARGUMENT when `text` is none.
absl::StatusOr<CertificateName> ParseCertificateName(absl::string_view text);

}  // namespace jet::cert_request

#endif  // JET_JET_CERT_REQUEST_CERTIFICATE_NAME_H_
