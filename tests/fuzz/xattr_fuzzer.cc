// Fuzzes the decoder of security.ima and the appraisal behind it. The first byte says what the rest
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
  base::Bytes valid;  // a value of security.ima that is valid for kContent
};

TrustedKey MakeKey(const char* type) {
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
      sign::SignDigest(**signer, *key_id, *DigestOf(crypto::HashAlgorithm::kSha256));
  Require(valid.ok(), "no signature");
  return {{type, *certificate}, *key_id, *valid};
}

const std::vector<TrustedKey>& Keys() {
  static const std::vector<TrustedKey> kKeys = {MakeKey("rsa:2048"), MakeKey("ec:p256"),
                                                MakeKey("ec:p384")};
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
  if (appraisal.key->name == Keys()[0].certificate.name) {
    Require(value == Keys()[0].valid, "another RSA signature is valid");
  }
}

}  // namespace
}  // namespace jet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const jet::base::Bytes value =
      jet::ValueFrom(data[0], jet::base::ByteSpan(data + 1, size - 1));
  const jet::ima::DecodedXattr decoded = jet::ima::DecodeXattr(value);
  jet::CheckDecoded(value, decoded);
  const auto appraisal = jet::appraise::Appraise(value, jet::Trust(), jet::DigestOf);
  jet::Require(appraisal.ok(), "no verdict");
  if (appraisal->verdict == jet::appraise::Verdict::kValid) {
    jet::CheckValid(value, decoded, *appraisal);
  } else {
    jet::Require(!appraisal->detail.empty(), "a refusal without a reason");
    jet::Require(value != jet::Keys()[0].valid, "a valid signature is refused");
  }
  return 0;
}
