// The form of a certificate request: what is asked, by which rule, with which help.
#ifndef JET_JET_CERT_REQUEST_FORM_H_
#define JET_JET_CERT_REQUEST_FORM_H_

#include <array>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "jet-cert-request/certificate_name.h"
#include "pki/subject.h"

namespace jet::cert_request {

// In the order in which they are asked.
enum class Field {
  kCountry,
  kState,
  kLocality,
  kOrganization,
  kUnit,
  kProviderPrefix,
  kUserString,
  kDeploymentScope,
  kIndex,
  kEmail,
};

inline constexpr size_t kFieldCount = 10;

// What the program knows of a field.
struct FieldRow {
  Field field;
  const char* key;    // "provider-prefix": the option without "--", and the key in an answers file
  const char* label;  // "Provider prefix"
  const char* rule;   // one line: "a lowercase letter, then lowercase letters or digits"
  const char* help;   // two or three sentences for who does not know what to answer
  bool optional;      // may be left empty
};

// All fields in the order of the enum; lives as long as the program.
absl::Span<const FieldRow> Fields();
const FieldRow& RowOf(Field field);

// Returns `text` as it goes into the request: without the spaces around it, the country in
// capitals. INVALID_ARGUMENT names the field, the text and the rule: "provider prefix 'Acme': must
// be a lowercase letter, then lowercase letters or digits".
absl::StatusOr<std::string> NormalizeAnswer(Field field, absl::string_view text);

// The answers so far.
class Form {
 public:
  // Normalizes and keeps `text`; on error the old answer stays.
  absl::Status Set(Field field, absl::string_view text);

  // The answer; nullopt when there is none yet. An empty one is an answer where that is allowed.
  const absl::optional<std::string>& Get(Field field) const;

  // The fields without an answer that need one, in order.
  std::vector<Field> Missing() const;

  // The name made of prefix, user string, scope and index. INVALID_ARGUMENT when it breaks a rule
  // as a whole (too long), FAILED_PRECONDITION while one of its parts is missing.
  absl::StatusOr<CertificateName> Name() const;

  // The subject; its common name is the name. The errors of Name(); FAILED_PRECONDITION also while
  // any other field is missing.
  absl::StatusOr<pki::Subject> Subject() const;

 private:
  std::array<absl::optional<std::string>, kFieldCount> answers_;
};

// What an earlier request suggests for the next: its country, state, locality, organization, unit
// and e-mail address, and the provider prefix of its common name; whatever of it keeps the rules.
Form SuggestionsOf(const pki::Subject& earlier);

}  // namespace jet::cert_request

#endif  // JET_JET_CERT_REQUEST_FORM_H_
