#include "tests/pki/test_certificates.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "crypto/openssl_types.h"
#include "tests/crypto/test_keys.h"
#include "tests/status_matchers.h"

namespace jet::test {
namespace {

void Require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

int TypeOf(NameEncoding encoding) {
  switch (encoding) {
    case NameEncoding::kUtf8:
      return MBSTRING_UTF8;
    case NameEncoding::kBmp:
      return V_ASN1_BMPSTRING;
    case NameEncoding::kRawUtf8:
      break;
  }
  return V_ASN1_UTF8STRING;
}

void AddEntries(X509_NAME* name, const std::vector<NameEntry>& entries) {
  for (const NameEntry& entry : entries) {
    Require(X509_NAME_add_entry_by_txt(name, entry.field.c_str(), TypeOf(entry.encoding),
                                       reinterpret_cast<const uint8_t*>(entry.text.data()),
                                       static_cast<int>(entry.text.size()), -1, 0) == 1,
            "cannot add to the name");
  }
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const crypto::X509ExtensionPtr extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  Require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1,
          "cannot add an extension");
}

void AddSubjectKeyIdentifier(X509* certificate, const absl::optional<base::Bytes>& value) {
  if (!value.has_value()) return;
  const crypto::Asn1OctetStringPtr octets(ASN1_OCTET_STRING_new());
  Require(
      ASN1_OCTET_STRING_set(octets.get(), value->data(), static_cast<int>(value->size())) == 1 &&
          X509_add1_ext_i2d(certificate, NID_subject_key_identifier, octets.get(), 0,
                            X509V3_ADD_DEFAULT) == 1,
      "cannot add the identifier");
}

void AddAuthorityKeyIdentifier(X509* certificate, const absl::optional<base::Bytes>& value) {
  if (!value.has_value()) return;
  const crypto::OpenSslPtr<AUTHORITY_KEYID, AUTHORITY_KEYID_free> identifier(AUTHORITY_KEYID_new());
  identifier->keyid = ASN1_OCTET_STRING_new();
  Require(ASN1_OCTET_STRING_set(identifier->keyid, value->data(),
                                static_cast<int>(value->size())) == 1 &&
              X509_add1_ext_i2d(certificate, NID_authority_key_identifier, identifier.get(), 0,
                                X509V3_ADD_DEFAULT) == 1,
          "cannot add the issuer's identifier");
}

void Sign(X509* certificate, const crypto::PrivateKey& key, const std::string& hash) {
  // Ed25519 brings its own hash along.
  const bool own_hash = key.public_key().type().name == "ed25519";
  const EVP_MD* const md = own_hash ? nullptr : EVP_get_digestbyname(hash.c_str());
  Require(own_hash || md != nullptr, "there is no such hash");
  Require(X509_sign(certificate, key.evp(), md) > 0, "cannot sign the certificate");
}

}  // namespace

pki::Certificate MakeCertificate(const CertificateSpec& spec) {
  const crypto::PrivateKey& key = spec.key != nullptr ? *spec.key : TestKey(spec.key_type);
  const crypto::X509Ptr certificate(X509_new());
  X509* const x509 = certificate.get();
  Require(X509_set_version(x509, X509_VERSION_3) == 1, "cannot make a certificate");
  const crypto::BignumPtr serial(
      BN_bin2bn(spec.serial.data(), static_cast<int>(spec.serial.size()), nullptr));
  Require(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x509)) != nullptr, "bad serial");
  (void)ASN1_TIME_set(X509_getm_notBefore(x509), absl::ToTimeT(spec.not_before));
  (void)ASN1_TIME_set(X509_getm_notAfter(x509), absl::ToTimeT(spec.not_after));
  AddEntries(X509_get_subject_name(x509), spec.subject);
  if (spec.issuer.empty()) {
    (void)X509_set_issuer_name(x509, X509_get_subject_name(x509));
  } else {
    AddEntries(X509_get_issuer_name(x509), spec.issuer);
  }
  Require(X509_set_pubkey(x509, key.evp()) == 1, "cannot set the key");
  AddExtension(x509, NID_basic_constraints, spec.basic_constraints);
  AddExtension(x509, NID_key_usage, spec.key_usage);
  AddSubjectKeyIdentifier(x509, spec.subject_key_identifier);
  AddAuthorityKeyIdentifier(x509, spec.authority_key_identifier);
  Sign(x509, spec.issuer_key != nullptr ? *spec.issuer_key : key, spec.hash);
  return ValueOf(pki::Certificate::FromX509(x509));
}

std::string PemOf(const pki::Certificate& certificate) {
  const crypto::BioPtr bio(BIO_new(BIO_s_mem()));
  Require(PEM_write_bio_X509(bio.get(), certificate.x509()) == 1, "cannot write PEM");
  const char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace jet::test
