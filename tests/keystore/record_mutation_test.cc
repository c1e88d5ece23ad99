// Changed records, as many as time allows: none is ever taken for what it was.
#include <gtest/gtest.h>

#include <cctype>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "crypto/hmac.h"
#include "crypto/secret.h"
#include "keystore/record.h"
#include "keystore/store_key.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using test::ValueOf;

constexpr int kMutations = 20000;
constexpr unsigned kSeed = 20241122;

StoreKey TestStoreKey() {
  return ValueOf(StoreKey::FromSecret(crypto::Secret::CopyOf(base::Bytes(kStoreKeySize, 7))));
}

enum class Sort { kCertified, kWaiting, kInToken };

std::string GoodRecord(const StoreKey& store_key, Sort sort) {
  Record record;
  record.name = "ima-test-key";
  if (sort == Sort::kWaiting) {
    record.request_sha256 = std::string(64, 'e');
  } else {
    record.subject_key_identifier = "0102030405060708090a0b0c0d0e0f1011121314";
    record.certificate_sha256 = std::string(64, 'c');
  }
  if (sort == Sort::kInToken) {
    record.private_key_uri = "pkcs11:token=re0;object=ima";
  } else {
    record.private_key_sha256 = std::string(64, 'd');
  }
  record.store_key_id = store_key.id();
  record.origin = KeyOrigin::kGenerated;
  record.created = absl::FromCivil(absl::CivilSecond(2024, 2, 29, 23, 59, 58), absl::UTCTimeZone());
  const std::string line = EncodeRecord(record);
  return EncodeRecordFile(line, ValueOf(store_key.RecordHmac(base::AsBytes(line))));
}

// One change of `text`: a byte, a piece taken out, doubled, or put elsewhere.
std::string Mutate(std::string text, std::mt19937& random) {
  const size_t at = random() % text.size();
  const size_t size = 1 + random() % 16;
  switch (random() % 6) {
    case 0:
      text[at] = static_cast<char>(random());
      return text;
    case 1:
      text[at] = static_cast<char>(text[at] ^ (1U << random() % 8));
      return text;
    case 2:
      return text.erase(at, size);
    case 3:
      return text.insert(random() % text.size(), text.substr(at, size));
    case 4:
      return text.substr(0, at);
    default:
      return text.insert(at, absl::StrCat("\"", random() % 1000, "\":1,"));
  }
}

class RecordMutationTest : public testing::TestWithParam<Sort> {};

TEST_P(RecordMutationTest, NoChangedRecordIsAcceptedUnderItsHmac) {
  const StoreKey store_key = TestStoreKey();
  const std::string good = GoodRecord(store_key, GetParam());
  std::mt19937 random(kSeed);
  int decoded = 0;
  int equal = 0;
  for (int i = 0; i < kMutations; ++i) {
    std::string mutated = Mutate(good, random);
    for (auto more = random() % 3; more > 0 && !mutated.empty(); --more) {
      mutated = Mutate(mutated, random);
    }
    const absl::StatusOr<RecordFile> file = DecodeRecordFile(base::AsBytes(mutated));
    if (!file.ok()) continue;
    ++decoded;
    // One encoding: what decodes encodes to the same bytes.
    ASSERT_EQ(EncodeRecordFile(EncodeRecord(file->record), file->hmac), mutated) << i;
    const base::Bytes hmac = ValueOf(store_key.RecordHmac(base::AsBytes(file->line)));
    if (!crypto::EqualInConstantTime(hmac, file->hmac)) continue;
    ++equal;
    ASSERT_EQ(mutated, good) << i;
  }
  // Some changes leave a record that can be read, such as another digit: those the HMAC finds.
  EXPECT_GT(decoded, equal);
  EXPECT_LT(decoded, kMutations / 2);
}

INSTANTIATE_TEST_SUITE_P(Sorts, RecordMutationTest,
                         testing::Values(Sort::kCertified, Sort::kWaiting, Sort::kInToken));

}  // namespace
}  // namespace jet::keystore
