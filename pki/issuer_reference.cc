#include "pki/issuer_reference.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace jet::pki {
namespace {

std::string LastEntry(const X509_NAME* name, int nid) {
  std::string text;
  for (int i = X509_NAME_get_index_by_NID(name, nid, -1); i >= 0;
       i = X509_NAME_get_index_by_NID(name, nid, i)) {
    const ASN1_STRING* const value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
    const auto* const data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(value));
    text.assign(data, static_cast<size_t>(ASN1_STRING_length(value)));
  }
  return text;
}

}  // namespace

IssuerReference IssuerReferenceOf(const Certificate& certificate) {
  IssuerReference reference;
  const ASN1_OCTET_STRING* const identifier = X509_get0_authority_key_id(certificate.x509());
  if (identifier != nullptr) {
    const uint8_t* const data = ASN1_STRING_get0_data(identifier);
    reference.key_identifier = base::Bytes(data, data + ASN1_STRING_length(identifier));
  }
  const X509_NAME* const issuer = X509_get_issuer_name(certificate.x509());
  reference.organization = LastEntry(issuer, NID_organizationName);
  reference.common_name = LastEntry(issuer, NID_commonName);
  reference.email = LastEntry(issuer, NID_pkcs9_emailAddress);
  return reference;
}

}  // namespace jet::pki
