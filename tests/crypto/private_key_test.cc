#include "crypto/private_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/asn1t.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <functional>

#include "absl/strings/match.h"
#include "crypto/openssl_types.h"
#include "tests/crypto/test_keys.h"
#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::IsOk;
using test::NoPassphrase;
using test::SecretText;
using test::StatusIs;
using test::TestKey;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kPassphrase[] = "correct horse";

// Returns what `write` writes to a BIO.
std::string Written(const std::function<int(BIO*)>& write) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (write(bio.get()) != 1) throw std::runtime_error("cannot encode the key");
  const char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

unsigned char* PassphraseBytes() {
  return reinterpret_cast<unsigned char*>(const_cast<char*>(kPassphrase));
}

constexpr int kPassphraseSize = sizeof(kPassphrase) - 1;

// Every form that a key file has. The encrypted ones are under kPassphrase.
std::string Pkcs8Pem(const PrivateKey& key) {
  return std::string(base::AsText(test::ValueOf(key.UnencryptedPem()).Expose()));
}

std::string Pkcs8Der(const PrivateKey& key) {
  return Written([&](BIO* bio) {
    return i2d_PKCS8PrivateKey_bio(bio, key.evp(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

// PKCS#1 for RSA, SEC 1 for EC.
std::string TraditionalPem(const PrivateKey& key) {
  return Written([&](BIO* bio) {
    return PEM_write_bio_PrivateKey_traditional(bio, key.evp(), nullptr, nullptr, 0, nullptr,
                                                nullptr);
  });
}

std::string TraditionalDer(const PrivateKey& key) {
  return Written([&](BIO* bio) { return i2d_PrivateKey_bio(bio, key.evp()); });
}

std::string EncryptedPkcs8Pem(const PrivateKey& key) {
  return std::string(
      base::AsText(test::ValueOf(key.EncryptedPem(SecretText(kPassphrase), kRandomKeyIterations))));
}

std::string EncryptedPkcs8Der(const PrivateKey& key) {
  return Written([&](BIO* bio) {
    return i2d_PKCS8PrivateKey_bio(bio, key.evp(), EVP_aes_256_cbc(), kPassphrase, kPassphraseSize,
                                   nullptr, nullptr);
  });
}

std::string EncryptedTraditionalPem(const PrivateKey& key) {
  return Written([&](BIO* bio) {
    return PEM_write_bio_PrivateKey_traditional(
        bio, key.evp(), EVP_aes_128_cbc(), PassphraseBytes(), kPassphraseSize, nullptr, nullptr);
  });
}

struct Form {
  const char* name;
  std::string (*encode)(const PrivateKey&);
  const char* begins;  // "" for DER
};

constexpr Form kPlainForms[] = {
    {"PKCS#8 PEM", Pkcs8Pem, "-----BEGIN PRIVATE KEY-----"},
    {"PKCS#8 DER", Pkcs8Der, ""},
    {"PKCS#1 or SEC 1 PEM", TraditionalPem, "-----BEGIN "},
    {"PKCS#1 or SEC 1 DER", TraditionalDer, ""},
};

constexpr Form kEncryptedForms[] = {
    {"PBES2 PEM", EncryptedPkcs8Pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----"},
    {"PBES2 DER", EncryptedPkcs8Der, ""},
    {"traditional PEM", EncryptedTraditionalPem, "-----BEGIN "},
};

// A passphrase source that counts how often it is asked.
class Source {
 public:
  explicit Source(absl::string_view answer) : answer_(answer) {}
  absl::StatusOr<Secret> operator()() const {
    ++asked;
    return SecretText(answer_);
  }

  mutable int asked = 0;  // FunctionRef calls what it refers to as const

 private:
  std::string answer_;
};

bool IsKeyOf(const absl::StatusOr<PrivateKey>& decoded, const PrivateKey& key) {
  return decoded.ok() && decoded->public_key() == key.public_key();
}

TEST(PrivateKeyTest, EveryTypeThatSignsIsGenerated) {
  for (const char* name : {"rsa:2048", "rsa:3072", "rsa:4096", "ec:p256", "ec:p384"}) {
    ASSERT_OK_AND_ASSIGN(const PrivateKey key, PrivateKey::Generate(*ParseSigningKeyType(name)));
    EXPECT_EQ(key.public_key().type().name, name);
  }
}

TEST(PrivateKeyTest, GenerateMakesAnotherKeyEveryTime) {
  const KeyType type = *ParseSigningKeyType("ec:p256");
  ASSERT_OK_AND_ASSIGN(const PrivateKey a, PrivateKey::Generate(type));
  ASSERT_OK_AND_ASSIGN(const PrivateKey b, PrivateKey::Generate(type));
  EXPECT_FALSE(a.public_key() == b.public_key());
}

TEST(PrivateKeyTest, GenerateRefusesWhatMayNotSign) {
  EXPECT_THAT(PrivateKey::Generate(KeyType{KeyAlgorithm::kRsa, 1024, "rsa:1024"}),
              StatusIs(StatusCode::kFailedPrecondition,
                       StartsWith("key type rsa:1024 is too weak to sign with")));
  EXPECT_THAT(
      PrivateKey::Generate(KeyType{KeyAlgorithm::kEc, 521, "ec:p521"}),
      StatusIs(StatusCode::kFailedPrecondition, StartsWith("key type ec:p521 is unsupported")));
}

TEST(PrivateKeyTest, EveryPlainFormDecodesWithoutAskingForAPassphrase) {
  for (const char* type : {"rsa:2048", "ec:p256"}) {
    const PrivateKey& key = TestKey(type);
    for (const Form& form : kPlainForms) {
      const std::string encoded = form.encode(key);
      EXPECT_THAT(encoded, StartsWith(form.begins));
      Source source(kPassphrase);
      EXPECT_TRUE(IsKeyOf(PrivateKey::Decode(SecretText(encoded), source), key))
          << type << ' ' << form.name;
      EXPECT_EQ(source.asked, 0) << form.name;
    }
  }
}

TEST(PrivateKeyTest, EveryEncryptedFormDecodesAfterAskingOnce) {
  for (const char* type : {"rsa:2048", "ec:p256"}) {
    const PrivateKey& key = TestKey(type);
    for (const Form& form : kEncryptedForms) {
      const std::string encoded = form.encode(key);
      EXPECT_THAT(encoded, StartsWith(form.begins));
      Source source(kPassphrase);
      EXPECT_TRUE(IsKeyOf(PrivateKey::Decode(SecretText(encoded), source), key))
          << type << ' ' << form.name;
      EXPECT_EQ(source.asked, 1) << form.name;
    }
  }
}

TEST(PrivateKeyTest, AWrongPassphraseIsDeniedAfterAskingOnce) {
  for (const Form& form : kEncryptedForms) {
    const Secret encoded = SecretText(form.encode(TestKey("ec:p256")));
    for (const char* wrong : {"wrong", "", "correct horse\n", "Correct horse"}) {
      Source source(wrong);
      EXPECT_THAT(PrivateKey::Decode(encoded, source),
                  StatusIs(StatusCode::kPermissionDenied,
                           StartsWith("cannot open the encrypted key: wrong passphrase")))
          << form.name << ", '" << wrong << "'";
      EXPECT_EQ(source.asked, 1) << form.name;
    }
  }
}

TEST(PrivateKeyTest, AWrongPassphraseIsDeniedHoweverThePaddingComesOut) {
  // One wrong passphrase in 256 yields plausible padding, and then something that is no key.
  const Secret encoded = SecretText(EncryptedPkcs8Pem(TestKey("ec:p256")));
  const Secret traditional = SecretText(EncryptedTraditionalPem(TestKey("ec:p256")));
  for (int i = 0; i < 600; ++i) {
    Source source(absl::StrCat("wrong", i));
    ASSERT_THAT(PrivateKey::Decode(encoded, source),
                StatusIs(StatusCode::kPermissionDenied, HasSubstr("wrong passphrase")));
    ASSERT_THAT(PrivateKey::Decode(traditional, source),
                StatusIs(StatusCode::kPermissionDenied, HasSubstr("wrong passphrase")));
  }
}

TEST(PrivateKeyTest, WhatKeepsTheSourceFromAnsweringIsPassedOn) {
  for (const Form& form : kEncryptedForms) {
    const Secret encoded = SecretText(form.encode(TestKey("ec:p256")));
    EXPECT_THAT(PrivateKey::Decode(encoded,
                                   []() -> absl::StatusOr<Secret> {
                                     return absl::NotFoundError("no terminal to ask on");
                                   }),
                StatusIs(StatusCode::kNotFound, "no terminal to ask on"))
        << form.name;
  }
}

TEST(PrivateKeyTest, APassphraseMayHoldAnyBytesAndBeLong) {
  const PrivateKey& key = TestKey("ec:p256");
  for (const std::string& passphrase : {std::string("a\0b\xff", 4), std::string(1023, 'x'),
                                        std::string(1024, 'x'), std::string(5000, 'y')}) {
    ASSERT_OK_AND_ASSIGN(const Bytes pem,
                         key.EncryptedPem(SecretText(passphrase), kRandomKeyIterations));
    Source source(passphrase);
    EXPECT_TRUE(IsKeyOf(PrivateKey::Decode(Secret::CopyOf(pem), source), key));
  }
}

TEST(PrivateKeyTest, APassphraseTooLongForTheTraditionalFormIsSaidSo) {
  const Secret encoded = SecretText(EncryptedTraditionalPem(TestKey("ec:p256")));
  Source source(std::string(5000, 'y'));
  EXPECT_THAT(PrivateKey::Decode(encoded, source),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("the passphrase is longer than ")));
}

TEST(PrivateKeyTest, TheEncryptionIsPbes2WithTheIterationsAskedFor) {
  ASSERT_OK_AND_ASSIGN(const Bytes pem,
                       TestKey("ec:p256").EncryptedPem(SecretText("x"), /*iterations=*/12345));
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const X509SigPtr encrypted(PEM_read_bio_PKCS8(bio.get(), nullptr, nullptr, nullptr));
  ASSERT_NE(encrypted, nullptr);
  const X509_ALGOR* algorithm = nullptr;
  X509_SIG_get0(encrypted.get(), &algorithm, nullptr);
  EXPECT_EQ(OBJ_obj2nid(algorithm->algorithm), NID_pbes2);
  const OpenSslPtr<PBE2PARAM, PBE2PARAM_free> pbes2(static_cast<PBE2PARAM*>(
      ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter)));
  ASSERT_NE(pbes2, nullptr);
  EXPECT_EQ(OBJ_obj2nid(pbes2->encryption->algorithm), NID_aes_256_cbc);
  EXPECT_EQ(OBJ_obj2nid(pbes2->keyfunc->algorithm), NID_id_pbkdf2);
  const OpenSslPtr<PBKDF2PARAM, PBKDF2PARAM_free> pbkdf2(static_cast<PBKDF2PARAM*>(
      ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), pbes2->keyfunc->parameter)));
  ASSERT_NE(pbkdf2, nullptr);
  EXPECT_EQ(ASN1_INTEGER_get(pbkdf2->iter), 12345);
  EXPECT_EQ(OBJ_obj2nid(pbkdf2->prf->algorithm), NID_hmacWithSHA256);
}

TEST(PrivateKeyTest, TheSameKeyIsNeverEncryptedTheSameWay) {
  const PrivateKey& key = TestKey("ec:p256");
  EXPECT_NE(EncryptedPkcs8Pem(key), EncryptedPkcs8Pem(key));
}

// Encrypts under scrypt with N = 2^14, r = 8, p = 1, then lets the file claim other parameters.
std::string ScryptDer(const PrivateKey& key, uint64_t claimed_n, uint64_t claimed_r) {
  X509_ALGOR* const scheme =
      PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 16, nullptr, 16384, 8, 1);
  const Pkcs8InfoPtr info(EVP_PKEY2PKCS8(key.evp()));
  const X509SigPtr encrypted(PKCS8_set0_pbe(kPassphrase, kPassphraseSize, info.get(), scheme));
  X509_ALGOR* algorithm = nullptr;
  X509_SIG_getm(encrypted.get(), &algorithm, nullptr);
  const OpenSslPtr<PBE2PARAM, PBE2PARAM_free> pbes2(static_cast<PBE2PARAM*>(
      ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter)));
  const OpenSslPtr<SCRYPT_PARAMS, SCRYPT_PARAMS_free> scrypt(static_cast<SCRYPT_PARAMS*>(
      ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), pbes2->keyfunc->parameter)));
  (void)ASN1_INTEGER_set_uint64(scrypt->costParameter, claimed_n);
  (void)ASN1_INTEGER_set_uint64(scrypt->blockSize, claimed_r);
  (void)ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), scrypt.get(),
                                &pbes2->keyfunc->parameter);
  (void)ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(PBE2PARAM), pbes2.get(), &algorithm->parameter);
  return Written([&](BIO* bio) { return i2d_PKCS8_bio(bio, encrypted.get()); });
}

TEST(PrivateKeyTest, ScryptWithinReachIsOpened) {
  const PrivateKey& key = TestKey("ec:p256");
  const std::string der = ScryptDer(key, 16384, 8);
  Source right(kPassphrase);
  EXPECT_TRUE(IsKeyOf(PrivateKey::Decode(SecretText(der), right), key));
  Source wrong("wrong");
  EXPECT_THAT(PrivateKey::Decode(SecretText(der), wrong),
              StatusIs(StatusCode::kPermissionDenied, HasSubstr("wrong passphrase")));
}

TEST(PrivateKeyTest, ScryptOutOfReachIsSaidSoBeforeAskingForAPassphrase) {
  for (const auto& [n, r] : {std::pair<uint64_t, uint64_t>(32768, 8), {1 << 20, 8}, {16384, 16}}) {
    Source source(kPassphrase);
    EXPECT_THAT(
        PrivateKey::Decode(SecretText(ScryptDer(TestKey("ec:p256"), n, r)), source),
        StatusIs(StatusCode::kUnimplemented, HasSubstr("scrypt cost is above N = 16384, r = 8")))
        << n << ' ' << r;
    EXPECT_EQ(source.asked, 0);
  }
}

// Claims to be under PBE-MD5-DES, whose parts are in OpenSSL's legacy provider.
std::string Pkcs8UnderMd5AndDes(const PrivateKey& key) {
  const std::string pem = EncryptedPkcs8Pem(key);
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const X509SigPtr encrypted(PEM_read_bio_PKCS8(bio.get(), nullptr, nullptr, nullptr));
  const OpenSslPtr<X509_ALGOR, X509_ALGOR_free> scheme(
      PKCS5_pbe_set(NID_pbeWithMD5AndDES_CBC, 2048, nullptr, 8));
  X509_ALGOR* algorithm = nullptr;
  X509_SIG_getm(encrypted.get(), &algorithm, nullptr);
  if (X509_ALGOR_copy(algorithm, scheme.get()) != 1) throw std::runtime_error("cannot copy");
  return Written([&](BIO* to) { return PEM_write_bio_PKCS8(to, encrypted.get()); });
}

// The same for the form that PEM itself encrypts.
std::string TraditionalPemUnderDes(const PrivateKey& key) {
  std::string pem = EncryptedTraditionalPem(key);
  const size_t at = pem.find("DEK-Info: ");
  if (at == std::string::npos) throw std::runtime_error("not encrypted");
  pem.replace(at, pem.find('\n', at) - at, "DEK-Info: DES-CBC,0123456789ABCDEF");
  return pem;
}

TEST(PrivateKeyTest, EncryptionThatOpenSslHasPutAsideIsNoWrongPassphrase) {
  for (const auto& encode : {Pkcs8UnderMd5AndDes, TraditionalPemUnderDes}) {
    const std::string pem = encode(TestKey("ec:p256"));
    Source source(kPassphrase);
    EXPECT_THAT(PrivateKey::Decode(SecretText(pem), source),
                StatusIs(StatusCode::kUnimplemented,
                         AllOf(HasSubstr("this OpenSSL does not support its encryption"),
                               HasSubstr("-provider legacy"))))
        << pem;
  }
}

TEST(PrivateKeyTest, NothingIsNoKey) {
  EXPECT_THAT(PrivateKey::Decode(Secret(), NoPassphrase),
              StatusIs(StatusCode::kInvalidArgument, "the private key is empty"));
}

TEST(PrivateKeyTest, GarbageIsNoKey) {
  const std::string cases[] = {
      "x",
      "hello, world\n",
      std::string(1000, '\0'),
      std::string(1000, '\xff'),
      "-----BEGIN PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
      "-----BEGIN RSA PRIVATE KEY-----\n\n-----END RSA PRIVATE KEY-----\n",
  };
  for (const std::string& text : cases) {
    EXPECT_THAT(PrivateKey::Decode(SecretText(text), NoPassphrase),
                StatusIs(StatusCode::kInvalidArgument,
                         StartsWith("not a private key in PEM or DER that can be read")))
        << text.substr(0, 40);
  }
}

TEST(PrivateKeyTest, APublicKeyIsNoPrivateKey) {
  const PrivateKey& key = TestKey("ec:p256");
  const std::string pem = Written([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key.evp()); });
  const Bytes der = *key.public_key().SubjectPublicKeyInfo();
  EXPECT_THAT(PrivateKey::Decode(SecretText(pem), NoPassphrase),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("not a private key")));
  EXPECT_THAT(PrivateKey::Decode(Secret::CopyOf(der), NoPassphrase),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("not a private key")));
}

TEST(PrivateKeyTest, BytesAfterADerKeyAreRefused) {
  for (auto* encode : {Pkcs8Der, TraditionalDer, EncryptedPkcs8Der}) {
    const std::string longer = encode(TestKey("ec:p256")) + "x";
    EXPECT_THAT(PrivateKey::Decode(SecretText(longer), NoPassphrase),
                StatusIs(StatusCode::kInvalidArgument, testing::_));
  }
}

TEST(PrivateKeyTest, EveryTruncationOfADerKeyIsRefused) {
  const std::string der = Pkcs8Der(TestKey("ec:p256"));
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(PrivateKey::Decode(SecretText(der.substr(0, size)), NoPassphrase).ok()) << size;
  }
}

TEST(PrivateKeyTest, TwoKeysInOneFileAreRefused) {
  const std::string first = Pkcs8Pem(TestKey("ec:p256"));
  for (const std::string& second :
       {Pkcs8Pem(TestKey("ec:p384")), first, EncryptedPkcs8Pem(TestKey("ec:p384")),
        TraditionalPem(TestKey("ec:p384"))}) {
    for (const std::string& file : {first + second, second + first}) {
      EXPECT_THAT(PrivateKey::Decode(SecretText(file), NoPassphrase),
                  StatusIs(StatusCode::kInvalidArgument,
                           StartsWith("the file holds more than one private key")));
    }
  }
}

TEST(PrivateKeyTest, TextAndParametersAroundAPemKeyAreLeftAlone) {
  const PrivateKey& key = TestKey("ec:p256");
  // What `openssl ecparam -genkey` writes: the curve, then the key.
  const std::string parameters =
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  EXPECT_TRUE(
      IsKeyOf(PrivateKey::Decode(SecretText(parameters + TraditionalPem(key)), NoPassphrase), key));
  EXPECT_TRUE(IsKeyOf(
      PrivateKey::Decode(SecretText("# a key\n" + Pkcs8Pem(key) + "# its end\n"), NoPassphrase),
      key));
}

TEST(PrivateKeyTest, KeysThatMayNotSignAreDecodedAndNamed) {
  // Refusing them is MakeSigner's business, which can say why.
  for (const char* type : {"rsa:1024", "rsa:2560", "ec:p521", "ed25519", "rsa-pss:2048"}) {
    const absl::StatusOr<PrivateKey> decoded =
        PrivateKey::Decode(SecretText(Pkcs8Pem(TestKey(type))), NoPassphrase);
    ASSERT_THAT(decoded, IsOk());
    EXPECT_EQ(decoded->public_key().type().name, type);
  }
}

}  // namespace
}  // namespace jet::crypto
