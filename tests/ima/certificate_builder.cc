#include "tests/ima/certificate_builder.h"

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "crypto/openssl_types.h"
#include "tests/status_matchers.h"

namespace jet::test {
namespace {

constexpr long kDay = 86400;

void ThrowUnless(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

crypto::EvpPkeyPtr MakeKey(TestKey key) {
  switch (key) {
    case TestKey::kRsa2048:
      return crypto::EvpPkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{2048}));
    case TestKey::kP256:
      return crypto::EvpPkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    case TestKey::kEd25519:
      return crypto::EvpPkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  }
  return nullptr;
}

void SetName(X509* x509, const std::string& common_name) {
  X509_NAME* const name = X509_get_subject_name(x509);
  // As a plain type: the MBSTRING_ types would hold it to 64 characters.
  ThrowUnless(X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
                                         reinterpret_cast<const unsigned char*>(common_name.data()),
                                         static_cast<int>(common_name.size()), -1, 0) == 1,
              "X509_NAME_add_entry_by_NID");
  ThrowUnless(X509_set_issuer_name(x509, name) == 1, "X509_set_issuer_name");
}

void AddIdentifier(X509* x509, const base::Bytes& identifier) {
  const crypto::Asn1OctetStringPtr value(ASN1_OCTET_STRING_new());
  ThrowUnless(ASN1_OCTET_STRING_set(value.get(), identifier.data(),
                                    static_cast<int>(identifier.size())) == 1,
              "ASN1_OCTET_STRING_set");
  ThrowUnless(X509_add1_ext_i2d(x509, NID_subject_key_identifier, value.get(), 0, 0) == 1,
              "X509_add1_ext_i2d");
}

}  // namespace

pki::Certificate BuildCertificate(const CertificateSpec& spec) {
  const crypto::EvpPkeyPtr key = MakeKey(spec.key);
  ThrowUnless(key != nullptr, "EVP_PKEY_Q_keygen");
  const crypto::X509Ptr x509(X509_new());
  ThrowUnless(X509_set_version(x509.get(), X509_VERSION_3) == 1, "X509_set_version");
  ThrowUnless(ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 0x4a4b4c) == 1,
              "ASN1_INTEGER_set");
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), kDay);
  ThrowUnless(X509_set_pubkey(x509.get(), key.get()) == 1, "X509_set_pubkey");
  SetName(x509.get(), spec.common_name);
  if (spec.identifier.has_value()) AddIdentifier(x509.get(), *spec.identifier);
  const EVP_MD* const hash = spec.key == TestKey::kEd25519 ? nullptr : EVP_sha256();
  ThrowUnless(X509_sign(x509.get(), key.get(), hash) > 0, "X509_sign");
  return ValueOf(pki::Certificate::FromX509(x509.get()));
}

}  // namespace jet::test
