#include "tests/crypto/test_keys.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "crypto/openssl_types.h"
#include "tests/status_matchers.h"

namespace jet::test {
namespace {

using crypto::EvpPkeyCtxPtr;
using crypto::EvpPkeyPtr;

void Require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

EvpPkeyPtr GenerateRsa(const char* algorithm, int bits) {
  const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
  Require(context != nullptr && EVP_PKEY_keygen_init(context.get()) == 1 &&
              EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits) == 1,
          "cannot prepare for an RSA key");
  EVP_PKEY* key = nullptr;
  Require(EVP_PKEY_generate(context.get(), &key) == 1, "cannot make an RSA key");
  return EvpPkeyPtr(key);
}

EvpPkeyPtr GenerateEc(const std::string& curve) {
  static const std::map<std::string, const char*> kNames = {
      {"p256", "P-256"}, {"p384", "P-384"}, {"p521", "P-521"}, {"secp256k1", "secp256k1"}};
  return EvpPkeyPtr(EVP_EC_gen(kNames.at(curve)));
}

EvpPkeyPtr Generate(const std::string& type) {
  if (type == "ed25519") return EvpPkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const std::vector<std::string> parts = absl::StrSplit(type, ':');
  if (parts.at(0) == "ec") return GenerateEc(parts.at(1));
  int bits = 0;
  Require(absl::SimpleAtoi(parts.at(1), &bits), "not a key type");
  return GenerateRsa(parts.at(0) == "rsa" ? "RSA" : "RSA-PSS", bits);
}

}  // namespace

crypto::PrivateKey NewTestKey(const std::string& type) {
  const EvpPkeyPtr key = Generate(type);
  Require(key != nullptr, "cannot make a key");
  uint8_t* der = nullptr;
  const int size = i2d_PrivateKey(key.get(), &der);
  Require(size > 0, "cannot encode the key");
  const auto secret = crypto::Secret::CopyOf(base::ByteSpan(der, static_cast<size_t>(size)));
  OPENSSL_free(der);
  return ValueOf(crypto::PrivateKey::Decode(secret, NoPassphrase));
}

const crypto::PrivateKey& TestKey(const std::string& type) {
  static auto& keys = *new std::map<std::string, crypto::PrivateKey>;
  auto found = keys.find(type);
  if (found == keys.end()) found = keys.emplace(type, NewTestKey(type)).first;
  return found->second;
}

crypto::PrivateKey CloneOf(const crypto::PrivateKey& key) {
  return ValueOf(crypto::PrivateKey::Decode(ValueOf(key.UnencryptedPem()), NoPassphrase));
}

crypto::Digest TestDigest(crypto::HashAlgorithm algorithm, absl::string_view text) {
  return ValueOf(crypto::ComputeDigest(algorithm, base::AsBytes(text)));
}

base::Bytes SignAnyway(const crypto::PrivateKey& key, const crypto::Digest& digest) {
  const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.evp(), nullptr));
  Require(context != nullptr && EVP_PKEY_sign_init(context.get()) == 1, "cannot sign");
  const EVP_MD* const md = EVP_get_digestbyname(crypto::NameOf(digest.algorithm()));
  Require(EVP_PKEY_CTX_set_signature_md(context.get(), md) == 1, "cannot sign with this hash");
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(key.evp()));
  base::Bytes signature(size);
  Require(EVP_PKEY_sign(context.get(), signature.data(), &size, digest.value().data(),
                        digest.value().size()) == 1,
          "cannot sign");
  signature.resize(size);
  return signature;
}

absl::StatusOr<crypto::Secret> NoPassphrase() {
  return absl::InternalError("a passphrase was asked for");
}

}  // namespace jet::test
