// Distinguished names as text. Internal to pki/.
#ifndef JET_PKI_NAME_TEXT_H_
#define JET_PKI_NAME_TEXT_H_

#include <openssl/x509.h>

#include <cstddef>
#include <string>

#include "absl/types/optional.h"

namespace jet::pki {

// The whole name in the form of RFC 2253, UTF-8; empty when it cannot be shown.
std::string NameText(const X509_NAME* name);

// The value of one attribute in UTF-8; nullopt when it is not convertible.
absl::optional<std::string> EntryText(const X509_NAME_ENTRY* entry);

// The first common name, empty when there is none.
std::string CommonName(const X509_NAME* name);

// How many common names there are.
size_t CommonNameCount(const X509_NAME* name);

// True when an attribute holds a control character, in the bytes as they are encoded or as text.
bool HasControlCharacters(const X509_NAME* name);

}  // namespace jet::pki

#endif  // JET_PKI_NAME_TEXT_H_
