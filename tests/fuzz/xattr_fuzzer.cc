// Fuzzes the decoder of security.ima and the appraisals behind it, by the rule for contents and by
// that for fs-verity digests. The first byte says what the rest
// is: a value as it stands, one with the key id of a trusted key put in, or what a valid value of
// one of the keys is changed by (exclusive or), so that a few bytes lead to almost valid ones.
//   build/fuzz/tests/fuzz/xattr_fuzzer -max_len=600 -max_total_time=60
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "appraise/appraisal.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/key_type.h"
#include "crypto/private_key.h"
#include "crypto/signer.h"
#include "ima/key_id.h"
#include "ima/signature.h"
#include "pki/issue.h"
#include "sign/sign_digest.h"

namespace jet {
namespace {

constexpr char kContent[] = "content";
constexpr size_t kKeyIdAt = 3;

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "xattr_fuzzer: %s\n", what);
  std::abort();
}

absl::StatusOr<crypto::Digest> DigestOf(crypto::HashAlgorithm hash) {
  return crypto::ComputeDigest(hash, base::AsBytes(kContent));
}

struct TrustedKey {
  ima::NamedCertificate certificate;
  ima::KeyId key_id;
  ima::SignatureKind kind;
  base::Bytes valid;  // a value of security.ima that is valid for kContent under its rule
};

TrustedKey MakeKey(const char* type, ima::SignatureKind kind) {
  auto key = crypto::PrivateKey::Generate(*crypto::ParseSigningKeyType(type));
  Require(key.ok(), "no key");
  pki::Subject subject;
  subject.common_name = type;
  const auto certificate = pki::IssueSelfSigned(
      *key, subject, {absl::Now() - absl::Hours(1), absl::Now() + absl::Hours(24)});
  Require(certificate.ok(), "no certificate");
  const auto key_id = ima::KeyIdOf(*certificate);
  Require(key_id.ok(), "no key id");
  const auto signer = crypto::MakeSigner(*std::move(key));
  Require(signer.ok(), "no signer");
  const auto valid =
      sign::SignDigest(**signer, *key_id, *DigestOf(crypto::HashAlgorithm::kSha256), kind);
  Require(valid.ok(), "no signature");
  return {{type, *certificate}, *key_id, kind, *valid};
}

const std::vector<TrustedKey>& Keys() {
  constexpr auto kContentKind = ima::SignatureKind::kContent;
  constexpr auto kVerityKind = ima::SignatureKind::kVerity;
  static const std::vector<TrustedKey> kKeys = {
      MakeKey("rsa:2048", kContentKind), MakeKey("ec:p256", kContentKind),
      MakeKey("ec:p384", kContentKind), MakeKey("rsa:3072", kVerityKind)};
  return kKeys;
}

const appraise::TrustSet& Trust() {
  static const appraise::TrustSet kTrust = [] {
    std::vector<ima::NamedCertificate> certificates;
    for (const TrustedKey& key : Keys()) certificates.push_back(key.certificate);
    return appraise::TrustSet(std::move(certificates));
  }();
  return kTrust;
}

base::Bytes ValueFrom(uint8_t how, base::ByteSpan rest) {
  const TrustedKey& key = Keys()[how % Keys().size()];
  base::Bytes value(rest.begin(), rest.end());
  if (how < 0x80) {
    // The bytes that there are change the valid value; a bit of `how` lets it end with them.
    base::Bytes changed = key.valid;
    for (size_t i = 0; i < std::min(rest.size(), changed.size()); ++i) changed[i] ^= rest[i];
    if ((how & 0x40) != 0) changed.resize(std::min(rest.size(), changed.size()));
    return changed;
  }
  if (how < 0xc0 && value.size() >= kKeyIdAt + key.key_id.size()) {
    std::copy(key.key_id.begin(), key.key_id.end(), value.begin() + kKeyIdAt);
  }
  return value;
}

void CheckDecoded(const base::Bytes& value, const ima::DecodedXattr& decoded) {
  Require(decoded.payload.size() <= value.size(), "a payload larger than the value");
  Require((decoded.defect == ima::XattrDefect::kNone) == ima::DescribeDefect(decoded).empty() ||
              decoded.defect == ima::XattrDefect::kNone,
          "a defect without words");
  if (decoded.defect != ima::XattrDefect::kNone || !decoded.is_signature()) return;
  Require(decoded.stated_size == decoded.payload.size(), "a size that is not the payload's");
  Require(std::equal(decoded.payload.begin(), decoded.payload.end(),
                     value.end() - static_cast<ptrdiff_t>(decoded.payload.size())),
          "a payload that is not the end of the value");
}

// RSA signatures have one encoding, so for one hash only the value that was made can be valid.
void CheckValid(const base::Bytes& value, const ima::DecodedXattr& decoded,
                const appraise::Appraisal& appraisal) {
  Require(decoded.defect == ima::XattrDefect::kNone, "valid in spite of a defect");
  Require(appraisal.key != nullptr && appraisal.digest.has_value(), "valid without key or digest");
  for (const TrustedKey& key : Keys()) {
    if (appraisal.key->name != key.certificate.name || key.certificate.name[0] != 'r') continue;
    Require(value == key.valid, "another RSA signature is valid");
  }
}

// `kind` is what signatures are valid under the rule that `appraisal` was made by.
void CheckAppraisal(const base::Bytes& value, const ima::DecodedXattr& decoded,
                    const absl::StatusOr<appraise::Appraisal>& appraisal, ima::SignatureKind kind) {
  Require(appraisal.ok(), "no verdict");
  if (appraisal->verdict == appraise::Verdict::kValid) {
    CheckValid(value, decoded, *appraisal);
    Require((decoded.type == 0x06) == (kind == ima::SignatureKind::kVerity),
            "a signature of the other kind is valid");
    return;
  }
  Require(!appraisal->detail.empty(), "a refusal without a reason");
  for (const TrustedKey& key : Keys()) {
    Require(key.kind != kind || value != key.valid, "a valid signature is refused");
  }
}

}  // namespace
}  // namespace jet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const jet::base::Bytes value = jet::ValueFrom(data[0], jet::base::ByteSpan(data + 1, size - 1));
  const jet::ima::DecodedXattr decoded = jet::ima::DecodeXattr(value);
  jet::CheckDecoded(value, decoded);
  jet::CheckAppraisal(value, decoded, jet::appraise::Appraise(value, jet::Trust(), jet::DigestOf),
                      jet::ima::SignatureKind::kContent);
  const auto measured = jet::DigestOf(jet::crypto::HashAlgorithm::kSha256);
  jet::CheckAppraisal(value, decoded,
                      jet::appraise::AppraiseVerity(value, jet::Trust(), *measured, jet::DigestOf),
                      jet::ima::SignatureKind::kVerity);
  const auto not_enabled =
      jet::appraise::AppraiseVerity(value, jet::Trust(), absl::nullopt, jet::DigestOf);
  jet::Require(not_enabled.ok() && not_enabled->verdict != jet::appraise::Verdict::kValid,
               "valid without fs-verity");
  return 0;
}
