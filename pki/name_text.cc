#include "pki/name_text.h"

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"

namespace jet::pki {
namespace {

// The kernel prints the bytes of a name as they are, whatever string type they belong to: a
// character of two bytes may hold a newline, and text that does not convert is printed all the
// same. The zeros of such a type's plain characters end what the kernel prints and forge nothing.
bool HasRawControlCharacters(const ASN1_STRING* text) {
  const int type = ASN1_STRING_type(text);
  const bool wide = type == V_ASN1_BMPSTRING || type == V_ASN1_UNIVERSALSTRING;
  const uint8_t* const data = ASN1_STRING_get0_data(text);
  return std::any_of(data, data + ASN1_STRING_length(text),
                     [wide](uint8_t c) { return absl::ascii_iscntrl(c) && !(wide && c == 0); });
}

}  // namespace

std::string NameText(const X509_NAME* name) {
  const crypto::BioPtr bio(BIO_new(BIO_s_mem()));
  constexpr unsigned long kFlags = (XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  if (bio == nullptr || X509_NAME_print_ex(bio.get(), name, 0, kFlags) < 0) {
    crypto::DropOpenSslErrors();
    return std::string();
  }
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

absl::optional<std::string> EntryText(const X509_NAME_ENTRY* entry) {
  uint8_t* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
  if (size < 0) {
    crypto::DropOpenSslErrors();
    return absl::nullopt;
  }
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

std::string CommonName(const X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) return std::string();
  return EntryText(X509_NAME_get_entry(name, index)).value_or("");
}

size_t CommonNameCount(const X509_NAME* name) {
  size_t count = 0;
  for (int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1); i >= 0;
       i = X509_NAME_get_index_by_NID(name, NID_commonName, i)) {
    ++count;
  }
  return count;
}

bool HasControlCharacters(const X509_NAME* name) {
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    if (HasRawControlCharacters(X509_NAME_ENTRY_get_data(entry))) return true;
    const std::string text = EntryText(entry).value_or("");
    if (std::any_of(text.begin(), text.end(),
                    [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); })) {
      return true;
    }
  }
  return false;
}

}  // namespace jet::pki
