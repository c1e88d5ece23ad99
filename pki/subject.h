// The holder's name in certificates and requests.
#ifndef JET_PKI_SUBJECT_H_
#define JET_PKI_SUBJECT_H_

#include <openssl/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace jet::pki {

// A distinguished name with at most one value of each kind, in the order in which they are encoded.
// Text is UTF-8; empty fields are left out. The bounds are X.520's upper bounds, in characters. The
// initializers let designated ones leave fields out without a warning.
struct Subject {
  std::string country = {};              // C: exactly 2 letters
  std::string state = {};                // ST: at most 128
  std::string locality = {};             // L: at most 128
  std::string organization = {};         // O: at most 64
  std::string organizational_unit = {};  // OU: at most 64
  std::string common_name = {};          // CN: 1 to 64
  std::string email = {};                // emailAddress: at most 255, ASCII

  friend bool operator==(const Subject& a, const Subject& b) = default;
};

// OK when `subject` keeps the bounds, is UTF-8 and holds no invisible characters; INVALID_ARGUMENT
// names the field.
absl::Status CheckSubject(const Subject& subject);

// Puts `subject` into `name`, which is empty, after CheckSubject. For pki/.
absl::Status FillName(const Subject& subject, X509_NAME* name);

// Reads `name` back. FAILED_PRECONDITION when it says more than a Subject can: another kind of
// attribute, one kind twice, several in one RDN, or text that is not convertible to UTF-8. For
// pki/.
absl::StatusOr<Subject> ReadName(const X509_NAME* name);

}  // namespace jet::pki

#endif  // JET_PKI_SUBJECT_H_
