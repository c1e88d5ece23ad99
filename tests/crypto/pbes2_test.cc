#include "crypto/pbes2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "crypto/openssl_types.h"
#include "crypto/private_key.h"
#include "tests/crypto/test_keys.h"
#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::StatusIs;
using test::ValueOf;

constexpr int kFew = 10;

Secret SecretOf(absl::string_view text) { return Secret::CopyOf(base::AsBytes(text)); }

std::string Opened(base::ByteSpan der, absl::string_view passphrase) {
  return std::string(base::AsText(ValueOf(DecryptPbes2(der, SecretOf(passphrase))).Expose()));
}

// DER of "plaintext" under the passphrase "p", in parameters of the caller's choice.
Bytes EncryptedWith(const EVP_CIPHER* cipher, int iterations, int function) {
  X509AlgorPtr algorithm(PKCS5_pbe2_set_iv(cipher, 1, nullptr, 16, nullptr, function));
  unsigned char* data = nullptr;
  int size = 0;
  const std::string text = "plaintext";
  if (PKCS12_pbe_crypt(algorithm.get(), "p", 1, reinterpret_cast<const unsigned char*>(text.data()),
                       static_cast<int>(text.size()), &data, &size, 1) == nullptr) {
    throw std::runtime_error("cannot encrypt");
  }
  // Millions of iterations are to be refused, not waited for.
  if (iterations > 1) {
    algorithm.reset(PKCS5_pbe2_set_iv(cipher, iterations, nullptr, 16, nullptr, function));
  }
  const X509SigPtr encrypted(X509_SIG_new());
  X509_ALGOR* own = nullptr;
  ASN1_OCTET_STRING* octets = nullptr;
  X509_SIG_getm(encrypted.get(), &own, &octets);
  if (X509_ALGOR_copy(own, algorithm.get()) != 1) throw std::runtime_error("cannot copy");
  ASN1_STRING_set0(octets, data, size);
  uint8_t* der = nullptr;
  const int length = i2d_X509_SIG(encrypted.get(), &der);
  Bytes bytes(der, der + length);
  OPENSSL_free(der);
  return bytes;
}

TEST(Pbes2Test, OpensWhatItEncrypted) {
  for (const size_t size : {0, 1, 15, 16, 17, 64, 5000}) {
    const std::string text(size, 'x');
    ASSERT_OK_AND_ASSIGN(const Bytes der, EncryptPbes2(SecretOf(text), SecretOf("geheim"), kFew));
    EXPECT_EQ(Opened(der, "geheim"), text) << size;
  }
}

TEST(Pbes2Test, TakesAnEmptyPassphraseAndOneWithEveryByte) {
  std::string every(256, '\0');
  for (size_t i = 0; i < every.size(); ++i) every[i] = static_cast<char>(i);
  for (const std::string& passphrase : {std::string(), every}) {
    ASSERT_OK_AND_ASSIGN(const Bytes der,
                         EncryptPbes2(SecretOf("text"), SecretOf(passphrase), kFew));
    EXPECT_EQ(Opened(der, passphrase), "text");
  }
}

TEST(Pbes2Test, NeverEncryptsTheSameWayTwice) {
  const Secret text = SecretOf("text");
  EXPECT_NE(ValueOf(EncryptPbes2(text, SecretOf("p"), kFew)),
            ValueOf(EncryptPbes2(text, SecretOf("p"), kFew)));
}

TEST(Pbes2Test, AWrongPassphraseDoesNotGiveTheText) {
  ASSERT_OK_AND_ASSIGN(const Bytes der, EncryptPbes2(SecretOf("text"), SecretOf("right"), kFew));
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    const absl::StatusOr<Secret> opened = DecryptPbes2(der, SecretOf(absl::StrCat("wrong", i)));
    if (opened.ok()) {
      EXPECT_NE(base::AsText(opened->Expose()), "text");
    } else {
      EXPECT_THAT(opened, StatusIs(StatusCode::kPermissionDenied, "wrong passphrase"));
      ++refused;
    }
  }
  EXPECT_GT(refused, 180);  // the padding fits one time in 256
}

TEST(Pbes2Test, AnyChangedByteIsRefusedOrGivesAnotherText) {
  const std::string text(48, 't');
  ASSERT_OK_AND_ASSIGN(const Bytes der, EncryptPbes2(SecretOf(text), SecretOf("p"), kFew));
  for (size_t i = 0; i < der.size(); ++i) {
    Bytes changed = der;
    changed[i] ^= 1;
    const absl::StatusOr<Secret> opened = DecryptPbes2(changed, SecretOf("p"));
    if (!opened.ok()) continue;
    EXPECT_NE(base::AsText(opened->Expose()), text) << i;
  }
}

TEST(Pbes2Test, RefusesWhatIsNotItsStructure) {
  ASSERT_OK_AND_ASSIGN(const Bytes der, EncryptPbes2(SecretOf("text"), SecretOf("p"), kFew));
  Bytes longer = der;
  longer.push_back(0);
  const Bytes rows[] = {{},
                        {0x30},
                        Bytes(der.begin(), der.end() - 1),
                        longer,
                        base::ToBytes(base::AsBytes("no DER at all"))};
  for (const Bytes& row : rows) {
    EXPECT_THAT(DecryptPbes2(row, SecretOf("p")), StatusIs(StatusCode::kInvalidArgument,
                                                           "not encrypted by PBES2 with "
                                                           "PBKDF2-HMAC-SHA-256 and AES-256-CBC"));
  }
}

TEST(Pbes2Test, RefusesOtherParameters) {
  EXPECT_EQ(Opened(EncryptedWith(EVP_aes_256_cbc(), 1, NID_hmacWithSHA256), "p"), "plaintext");
  const Bytes rows[] = {
      EncryptedWith(EVP_aes_128_cbc(), 1, NID_hmacWithSHA256),
      EncryptedWith(EVP_des_ede3_cbc(), 1, NID_hmacWithSHA256),
      EncryptedWith(EVP_aes_256_cbc(), 1, NID_hmacWithSHA1),
      EncryptedWith(EVP_aes_256_cbc(), 1, NID_hmacWithSHA512),
      EncryptedWith(EVP_aes_256_cbc(), kMaxIterations + 1, NID_hmacWithSHA256),
  };
  for (const Bytes& row : rows) {
    EXPECT_THAT(DecryptPbes2(row, SecretOf("p")),
                StatusIs(StatusCode::kInvalidArgument, testing::_));
  }
}

// What the private keys' PEM holds is the same structure.
TEST(Pbes2Test, OpensThePkcs8OfAPrivateKey) {
  const PrivateKey& key = test::TestKey("ec:p256");
  ASSERT_OK_AND_ASSIGN(const Bytes pem, key.EncryptedPem(SecretOf("p"), kFew));
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const X509SigPtr encrypted(PEM_read_bio_PKCS8(bio.get(), nullptr, nullptr, nullptr));
  ASSERT_NE(encrypted, nullptr);
  uint8_t* der = nullptr;
  const int length = i2d_X509_SIG(encrypted.get(), &der);
  ASSERT_GT(length, 0);
  const Bytes bytes(der, der + length);
  OPENSSL_free(der);
  ASSERT_OK_AND_ASSIGN(const Secret pkcs8, DecryptPbes2(bytes, SecretOf("p")));
  ASSERT_OK_AND_ASSIGN(const PrivateKey read,
                       PrivateKey::Decode(pkcs8, []() -> absl::StatusOr<Secret> {
                         return absl::InternalError("it is not encrypted any more");
                       }));
  EXPECT_TRUE(read.public_key() == key.public_key());
}

}  // namespace
}  // namespace jet::crypto
