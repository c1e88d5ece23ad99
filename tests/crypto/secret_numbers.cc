#include "tests/crypto/secret_numbers.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <stdexcept>
#include <utility>

#include "crypto/openssl_types.h"
#include "crypto/secret.h"

namespace jet::test {
namespace {

using NamedParameters = std::vector<std::pair<const char*, const char*>>;

const NamedParameters& ParametersOf(const crypto::PrivateKey& key) {
  static const NamedParameters kRsa = {
      {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
      {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
      {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qinv", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
  static const NamedParameters kEc = {{"scalar", OSSL_PKEY_PARAM_PRIV_KEY}};
  return key.public_key().type().algorithm == crypto::KeyAlgorithm::kRsa ? kRsa : kEc;
}

using SecretBignumPtr = crypto::OpenSslPtr<BIGNUM, BN_clear_free>;

}  // namespace

std::vector<SecretNumber> SecretNumbersOf(const crypto::PrivateKey& key) {
  const crypto::StackWiper wiper;
  std::vector<SecretNumber> numbers;
  for (const auto& [name, parameter] : ParametersOf(key)) {
    BIGNUM* raw = nullptr;
    if (EVP_PKEY_get_bn_param(key.evp(), parameter, &raw) != 1) throw std::runtime_error(name);
    const SecretBignumPtr number(raw);
    base::Bytes value(static_cast<size_t>(BN_num_bytes(raw)));
    (void)BN_bn2bin(raw, value.data());
    for (uint8_t& byte : value) byte ^= kSecretMask;
    numbers.push_back({name, std::move(value)});
  }
  return numbers;
}

}  // namespace jet::test
