#include "pki/certificate.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pemerr.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"

namespace jet::pki {
namespace {

// A date that is none is `otherwise`.
absl::Time TimeOf(const ASN1_TIME* time, absl::Time otherwise) {
  std::tm parts = {};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
    crypto::DropOpenSslErrors();
    return otherwise;
  }
  return absl::FromTM(parts, absl::UTCTimeZone());
}

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

std::string EntryText(const X509_NAME_ENTRY* entry) {
  uint8_t* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
  if (size < 0) {
    crypto::DropOpenSslErrors();
    return std::string();
  }
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

std::string CommonName(const X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  return index < 0 ? std::string() : EntryText(X509_NAME_get_entry(name, index));
}

// The kernel prints the bytes of a name as they are, whatever string type they belong to: a
// character of two bytes may hold a newline, and text that does not convert is printed all the same.
// The zeros of such a type's plain characters end what the kernel prints and forge nothing.
bool HasRawControlCharacters(const ASN1_STRING* text) {
  const int type = ASN1_STRING_type(text);
  const bool wide = type == V_ASN1_BMPSTRING || type == V_ASN1_UNIVERSALSTRING;
  const uint8_t* const data = ASN1_STRING_get0_data(text);
  return std::any_of(data, data + ASN1_STRING_length(text), [wide](uint8_t c) {
    return absl::ascii_iscntrl(c) && !(wide && c == 0);
  });
}

bool HasControlCharacters(const X509_NAME* name) {
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    if (HasRawControlCharacters(X509_NAME_ENTRY_get_data(entry))) return true;
    const std::string text = EntryText(entry);
    if (std::any_of(text.begin(), text.end(), [](char c) {
          return absl::ascii_iscntrl(static_cast<unsigned char>(c));
        })) {
      return true;
    }
  }
  return false;
}

// Returns the content octets of the DER SEQUENCE `der`, without its tag and length.
base::Bytes ContentOf(base::ByteSpan der) {
  const uint8_t* position = der.data();
  long length = 0;
  int tag = 0;
  int tag_class = 0;
  if ((ASN1_get_object(&position, &length, &tag, &tag_class, static_cast<long>(der.size())) &
       0x80) != 0) {
    crypto::DropOpenSslErrors();
    return {};
  }
  return base::Bytes(position, position + length);
}

base::Bytes NameContent(const X509_NAME* name) {
  const uint8_t* der = nullptr;
  size_t size = 0;
  if (X509_NAME_get0_der(name, &der, &size) != 1) return {};
  return ContentOf(base::ByteSpan(der, size));
}

base::Bytes IntegerContent(const ASN1_INTEGER* integer) {
  uint8_t* der = nullptr;
  const int size = i2d_ASN1_INTEGER(integer, &der);
  if (size <= 0) return {};
  base::Bytes content = ContentOf(base::ByteSpan(der, static_cast<size_t>(size)));
  OPENSSL_free(der);
  return content;
}

absl::StatusOr<base::Bytes> EncodeDer(X509* certificate) {
  uint8_t* encoded = nullptr;
  const int size = i2d_X509(certificate, &encoded);
  if (size <= 0) {
    return crypto::OpenSslError(absl::StatusCode::kInternal, "cannot encode the certificate");
  }
  base::Bytes der(encoded, encoded + size);
  OPENSSL_free(encoded);
  return der;
}

absl::StatusOr<Certificate> DecodeDer(base::ByteSpan der, absl::string_view kind) {
  const uint8_t* position = der.data();
  const crypto::X509Ptr certificate(
      d2i_X509(nullptr, &position, static_cast<long>(der.size())));
  if (certificate == nullptr) {
    return crypto::OpenSslError(absl::StatusCode::kInvalidArgument,
                                absl::StrCat("not an X.509 certificate in ", kind));
  }
  if (position != der.data() + der.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        der.data() + der.size() - position, " bytes follow the certificate: it must stand alone"));
  }
  return Certificate::FromX509(certificate.get());
}

absl::StatusOr<Certificate> DecodePem(base::ByteSpan pem) {
  const crypto::BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  absl::optional<base::Bytes> der;
  while (true) {
    char* name = nullptr;
    char* header = nullptr;
    uint8_t* data = nullptr;
    long size = 0;
    if (PEM_read_bio(bio.get(), &name, &header, &data, &size) != 1) break;
    const std::string label(name);
    base::Bytes content(data, data + size);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<size_t>(size));
    if (label != PEM_STRING_X509 && label != PEM_STRING_X509_OLD) {
      return absl::InvalidArgumentError(
          absl::StrCat("the file holds a PEM block '", label,
                       "': a certificate file holds one certificate and nothing else"));
    }
    if (der.has_value()) {
      return absl::InvalidArgumentError(
          "the file holds more than one certificate: which one is meant cannot be told");
    }
    der = std::move(content);
  }
  // The end of a PEM file is an error to OpenSSL, the same as if there were no block to begin with;
  // any other error is a block that cannot be read.
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end) {
    return crypto::OpenSslError(absl::StatusCode::kInvalidArgument,
                                "the file holds a broken PEM block");
  }
  crypto::DropOpenSslErrors();
  if (!der.has_value()) return absl::InvalidArgumentError("not an X.509 certificate in PEM");
  return DecodeDer(*der, "PEM");
}

}  // namespace

struct Certificate::State {
  State(crypto::X509Ptr owned, crypto::PublicKey key)
      : x509(std::move(owned)), public_key(std::move(key)) {}

  const crypto::X509Ptr x509;
  const crypto::PublicKey public_key;
  base::Bytes der;
  absl::optional<base::Bytes> subject_key_identifier;
  base::Bytes serial_content;
  base::Bytes issuer_content;
  std::string subject;
  std::string issuer;
  std::string common_name;
};

absl::StatusOr<Certificate> Certificate::Decode(base::ByteSpan encoded) {
  if (encoded.empty()) return absl::InvalidArgumentError("the certificate file is empty");
  if (absl::StrContains(base::AsText(encoded), "-----BEGIN ")) return DecodePem(encoded);
  return DecodeDer(encoded, "DER or PEM");
}

absl::StatusOr<Certificate> Certificate::ReadFile(const std::string& path) {
  JET_ASSIGN_OR_RETURN(const base::Bytes content, base::ReadFile(path, kMaxCertificateFile));
  absl::StatusOr<Certificate> certificate = Decode(content);
  if (!certificate.ok()) return base::Annotate(certificate.status(), absl::StrCat("'", path, "'"));
  return certificate;
}

absl::StatusOr<Certificate> Certificate::FromX509(X509* certificate) {
  if (X509_up_ref(certificate) != 1) {
    return crypto::OpenSslError(absl::StatusCode::kInternal, "cannot share the certificate");
  }
  crypto::X509Ptr owned(certificate);
  // Computes the extension flags now: later calls then only read, from any thread.
  if (X509_check_purpose(certificate, -1, 0) != 1) crypto::DropOpenSslErrors();
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) {
    return crypto::OpenSslError(absl::StatusCode::kInvalidArgument,
                                "the certificate's public key cannot be used");
  }
  JET_ASSIGN_OR_RETURN(crypto::PublicKey public_key, crypto::PublicKey::FromEvp(key));
  auto state = std::make_shared<State>(std::move(owned), std::move(public_key));
  JET_ASSIGN_OR_RETURN(state->der, EncodeDer(certificate));
  const ASN1_OCTET_STRING* identifier = X509_get0_subject_key_id(certificate);
  if (identifier != nullptr) {
    const uint8_t* data = ASN1_STRING_get0_data(identifier);
    state->subject_key_identifier = base::Bytes(data, data + ASN1_STRING_length(identifier));
  }
  state->serial_content = IntegerContent(X509_get0_serialNumber(certificate));
  state->issuer_content = NameContent(X509_get_issuer_name(certificate));
  state->subject = NameText(X509_get_subject_name(certificate));
  state->issuer = NameText(X509_get_issuer_name(certificate));
  state->common_name = CommonName(X509_get_subject_name(certificate));
  return Certificate(std::shared_ptr<const State>(std::move(state)));
}

const base::Bytes& Certificate::der() const { return state_->der; }
const crypto::PublicKey& Certificate::public_key() const { return state_->public_key; }
const absl::optional<base::Bytes>& Certificate::subject_key_identifier() const {
  return state_->subject_key_identifier;
}
const base::Bytes& Certificate::serial_content() const { return state_->serial_content; }
const base::Bytes& Certificate::issuer_content() const { return state_->issuer_content; }
const std::string& Certificate::subject() const { return state_->subject; }
const std::string& Certificate::issuer() const { return state_->issuer; }
const std::string& Certificate::common_name() const { return state_->common_name; }
X509* Certificate::x509() const { return state_->x509.get(); }

std::string Certificate::serial() const { return base::HexEncode(state_->serial_content); }

// Dates that cannot be read make the certificate valid never.
absl::Time Certificate::not_before() const {
  return TimeOf(X509_get0_notBefore(x509()), absl::InfiniteFuture());
}
absl::Time Certificate::not_after() const {
  return TimeOf(X509_get0_notAfter(x509()), absl::InfinitePast());
}

bool Certificate::is_ca() const { return (X509_get_extension_flags(x509()) & EXFLAG_CA) != 0; }

bool Certificate::has_key_usage() const {
  return (X509_get_extension_flags(x509()) & EXFLAG_KUSAGE) != 0;
}

bool Certificate::allows_digital_signature() const {
  // Without the extension OpenSSL answers with all bits set.
  return (X509_get_key_usage(x509()) & KU_DIGITAL_SIGNATURE) != 0;
}

bool Certificate::self_issued() const {
  return (X509_get_extension_flags(x509()) & EXFLAG_SI) != 0;
}

bool Certificate::subject_has_control_characters() const {
  return HasControlCharacters(X509_get_subject_name(x509()));
}

absl::StatusOr<std::string> Certificate::Fingerprint() const {
  JET_ASSIGN_OR_RETURN(const crypto::Digest digest,
                       crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, state_->der));
  return base::HexEncode(digest.value());
}

}  // namespace jet::pki
