#include "keystore/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/civil_time.h"
#include "crypto/hmac.h"
#include "keystore/master_key.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using testing::HasSubstr;

Record SampleRecord() {
  Record record;
  record.name = "ima-test-key";
  record.subject_key_identifier = "0102030405060708";
  record.certificate_sha256 = std::string(64, 'c');
  record.private_key_sha256 = std::string(64, 'd');
  record.store_key_id = "d8f7ed176b9ced79";
  record.origin = KeyOrigin::kGenerated;
  record.created = absl::FromCivil(absl::CivilSecond(2024, 2, 29, 23, 59, 58), absl::UTCTimeZone());
  return record;
}

const char kSampleLine[] =
    "{\"format\":1,\"name\":\"ima-test-key\",\"subject_key_identifier\":\"0102030405060708\","
    "\"certificate_sha256\":\"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\","
    "\"private_key_sha256\":\"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\","
    "\"store_key_id\":\"d8f7ed176b9ced79\",\"origin\":\"generated\","
    "\"created\":\"2024-02-29T23:59:58Z\"}\n";

std::string SampleFile(absl::string_view line = kSampleLine) {
  return EncodeRecordFile(line, base::Bytes(32, 0xAB));
}

// The file with `from` in its first line replaced by `to`.
absl::StatusOr<RecordFile> DecodeWith(const char* from, const char* to) {
  const std::string line = absl::StrReplaceAll(kSampleLine, {{from, to}});
  EXPECT_NE(line, kSampleLine) << from;
  return DecodeRecordFile(base::AsBytes(SampleFile(line)));
}

TEST(RecordTest, EncodesAsTheFormatPageSays) {
  EXPECT_EQ(EncodeRecord(SampleRecord()), kSampleLine);
  const std::string digits = absl::StrReplaceAll(std::string(32, '.'), {{".", "ab"}});
  EXPECT_EQ(SampleFile("line\n"), absl::StrCat("line\n{\"hmac_sha256\":\"", digits, "\"}\n"));
}

TEST(RecordTest, DecodesWhatItEncodes) {
  ASSERT_OK_AND_ASSIGN(const RecordFile file, DecodeRecordFile(base::AsBytes(SampleFile())));
  const Record expected = SampleRecord();
  EXPECT_EQ(file.line, kSampleLine);
  EXPECT_EQ(file.hmac, base::Bytes(32, 0xAB));
  EXPECT_EQ(file.record.name, expected.name);
  EXPECT_EQ(file.record.subject_key_identifier, expected.subject_key_identifier);
  EXPECT_EQ(file.record.certificate_sha256, expected.certificate_sha256);
  EXPECT_EQ(file.record.private_key_sha256, expected.private_key_sha256);
  EXPECT_EQ(file.record.store_key_id, expected.store_key_id);
  EXPECT_EQ(file.record.origin, expected.origin);
  EXPECT_EQ(file.record.created, expected.created);
}

TEST(RecordTest, LeavesOutThePrivateKeyOfAVerifyOnlyKey) {
  Record record = SampleRecord();
  record.private_key_sha256.reset();
  record.origin = KeyOrigin::kImported;
  const std::string line = EncodeRecord(record);
  EXPECT_THAT(line, Not(HasSubstr("private_key")));
  ASSERT_OK_AND_ASSIGN(const RecordFile file, DecodeRecordFile(base::AsBytes(SampleFile(line))));
  EXPECT_FALSE(file.record.private_key_sha256.has_value());
  EXPECT_EQ(file.record.origin, KeyOrigin::kImported);
}

const char kWaitingLine[] =
    "{\"format\":2,\"name\":\"ima-test-key\","
    "\"request_sha256\":\"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\","
    "\"private_key_sha256\":\"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\","
    "\"store_key_id\":\"d8f7ed176b9ced79\",\"origin\":\"generated\","
    "\"created\":\"2024-02-29T23:59:58Z\"}\n";

const char kTokenLine[] =
    "{\"format\":2,\"name\":\"ima-test-key\",\"subject_key_identifier\":\"0102030405060708\","
    "\"certificate_sha256\":\"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\","
    "\"private_key_uri\":\"pkcs11:token=re0;object=ima\","
    "\"store_key_id\":\"d8f7ed176b9ced79\",\"origin\":\"generated\","
    "\"created\":\"2024-02-29T23:59:58Z\"}\n";

absl::StatusOr<RecordFile> DecodeLine(absl::string_view line) {
  return DecodeRecordFile(base::AsBytes(SampleFile(line)));
}

TEST(RecordTest, KeyThatWaitsIsOfFormat2) {
  Record record = SampleRecord();
  record.subject_key_identifier.clear();
  record.certificate_sha256.clear();
  record.request_sha256 = std::string(64, 'e');
  EXPECT_EQ(EncodeRecord(record), kWaitingLine);
  ASSERT_OK_AND_ASSIGN(const RecordFile file, DecodeLine(kWaitingLine));
  EXPECT_TRUE(file.record.waits());
  EXPECT_EQ(file.record.request_sha256, record.request_sha256);
  EXPECT_EQ(file.record.certificate_sha256, "");
}

TEST(RecordTest, KeyInATokenIsOfFormat2) {
  Record record = SampleRecord();
  record.private_key_sha256.reset();
  record.private_key_uri = "pkcs11:token=re0;object=ima";
  EXPECT_EQ(EncodeRecord(record), kTokenLine);
  ASSERT_OK_AND_ASSIGN(const RecordFile file, DecodeLine(kTokenLine));
  EXPECT_FALSE(file.record.waits());
  EXPECT_EQ(file.record.private_key_uri, record.private_key_uri);
}

TEST(RecordTest, RefusesAFormat2RecordThatSaysWhatNoneCan) {
  const std::string digits(64, 'd');
  const std::string private_key = absl::StrCat("\"private_key_sha256\":\"", digits, "\",");
  const std::string rows[] = {
      // What format 1 can say is written in format 1.
      absl::StrReplaceAll(kSampleLine, {{"\"format\":1", "\"format\":2"}}),
      absl::StrReplaceAll(kWaitingLine, {{"\"format\":2", "\"format\":1"}}),
      // Nothing to wait with; a certificate and a request; two private keys.
      absl::StrReplaceAll(kWaitingLine, {{private_key, ""}}),
      absl::StrReplaceAll(kWaitingLine,
                          {{"\"request", "\"subject_key_identifier\":\"01\",\"request"}}),
      absl::StrReplaceAll(kTokenLine,
                          {{"\"private_key_uri", absl::StrCat(private_key, "\"private_key_uri")}}),
      absl::StrReplaceAll(kTokenLine, {{"pkcs11:token=re0;object=ima", ""}}),
      // No URI of a key, and one that a secret is in.
      absl::StrReplaceAll(kTokenLine, {{"pkcs11:", "file:"}}),
      absl::StrReplaceAll(kTokenLine, {{"object=ima", "object=ima?pin-value=1234"}}),
  };
  for (const std::string& line : rows) {
    ASSERT_TRUE(line != kSampleLine && line != kWaitingLine && line != kTokenLine) << line;
    EXPECT_THAT(DecodeLine(line), StatusIs(StatusCode::kDataLoss, testing::_)) << line;
  }
}

TEST(RecordTest, UriOfAPrivateKeyIsPrintableAndHoldsNoPin) {
  EXPECT_THAT(CheckPrivateKeyUri("pkcs11:token=re0;object=ima?module-name=softhsm2"), IsOk());
  for (const std::string& uri :
       {std::string("pkcs11"), std::string("/a/file"), std::string("pkcs11:a b"),
        std::string("pkcs11:a\n"), std::string("pkcs11:object=\xc3\xa9"),
        std::string("pkcs11:object=a?pin-value=1"), "pkcs11:" + std::string(1024, 'a')}) {
    EXPECT_THAT(CheckPrivateKeyUri(uri), StatusIs(StatusCode::kInvalidArgument, testing::_)) << uri;
  }
}

TEST(RecordTest, RefusesAnUnknownMemberByName) {
  EXPECT_THAT(DecodeWith("\"origin\"", "\"owner\":\"me\",\"origin\""),
              StatusIs(StatusCode::kDataLoss, HasSubstr("unknown member 'owner'")));
}

TEST(RecordTest, RefusesAnotherFormatVersion) {
  EXPECT_THAT(DecodeWith("\"format\":1", "\"format\":3"),
              StatusIs(StatusCode::kUnimplemented, HasSubstr("format version 3")));
}

TEST(RecordTest, RefusesARecordWithoutAFormatVersion) {
  for (const char* other : {"\"format\":\"1\"", "\"format\":-1", "\"format\":1.0", "\"x\":1"}) {
    EXPECT_THAT(DecodeWith("\"format\":1", other),
                StatusIs(StatusCode::kDataLoss, HasSubstr("no format version")));
  }
}

TEST(RecordTest, RefusesARecordThatLacksAMember) {
  const char* const rows[][2] = {
      {"\"name\":\"ima-test-key\",", "'name'"},
      {"\"subject_key_identifier\":\"0102030405060708\",", "'subject_key_identifier'"},
      {"\"store_key_id\":\"d8f7ed176b9ced79\",", "'store_key_id'"},
      {"\"origin\":\"generated\",", "'origin'"},
      {",\"created\":\"2024-02-29T23:59:58Z\"", "'created'"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(DecodeWith(row[0], ""), StatusIs(StatusCode::kDataLoss, HasSubstr(row[1])));
  }
}

TEST(RecordTest, RefusesAMemberOfAnotherType) {
  EXPECT_THAT(DecodeWith("\"ima-test-key\"", "[\"ima-test-key\"]"),
              StatusIs(StatusCode::kDataLoss, HasSubstr("'name' is not a string")));
}

TEST(RecordTest, RefusesAnUnknownOrigin) {
  EXPECT_THAT(DecodeWith("generated", "stolen"),
              StatusIs(StatusCode::kDataLoss, HasSubstr("unknown origin 'stolen'")));
}

TEST(RecordTest, RefusesATimeThatIsNone) {
  EXPECT_THAT(DecodeWith("02-29", "02-30"),
              StatusIs(StatusCode::kDataLoss, HasSubstr("2024-02-30T23:59:58Z")));
}

TEST(RecordTest, RefusesEveryOtherEncodingOfTheSameRecord) {
  const char* const rows[][2] = {
      {"\"format\":1", "\"format\": 1"},                              // space
      {"\"format\":1", "\"format\":1,\"name\":\"other\""},            // a member twice
      {"\"name\":\"ima", "\"name\":\"\\u0069ma"},                     // an escape
      {"T23:59:58Z", "T23:59:58Z\",\"origin\":\"generated"},          // twice, the same value
      {"\"name\":\"ima-test-key\"", "\"name\":\"../ima-test-key\""},  // no name of a key
  };
  for (const auto& row : rows) {
    EXPECT_THAT(DecodeWith(row[0], row[1]),
                StatusIs(StatusCode::kDataLoss, HasSubstr("not written as this program")));
  }
}

TEST(RecordTest, RefusesWhatIsNotAJsonObject) {
  for (const char* line :
       {"\n", "[]\n", "1\n", "{\"format\":1\n", "\xff\n", "{\"a\":\"\xc3\"}\n"}) {
    EXPECT_THAT(DecodeRecordFile(base::AsBytes(SampleFile(line))),
                StatusIs(StatusCode::kDataLoss, HasSubstr("not a JSON object")));
  }
}

TEST(RecordTest, RefusesAFileCutAnywhere) {
  const std::string whole = SampleFile();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(DecodeRecordFile(base::AsBytes(whole.substr(0, size))),
                StatusIs(StatusCode::kDataLoss, testing::_))
        << size;
  }
}

TEST(RecordTest, RefusesASecondLineThatIsNotAnHmac) {
  const std::string whole = SampleFile();
  for (const std::string& content :
       {absl::StrCat(whole, "\n"), absl::StrReplaceAll(whole, {{"abab", "ABAB"}}),
        absl::StrReplaceAll(whole, {{"abab\"", "ab\""}}),
        absl::StrReplaceAll(whole, {{"\"hmac_sha256\":", "\"hmac_sha256\": "}})}) {
    ASSERT_NE(content, whole);
    EXPECT_THAT(DecodeRecordFile(base::AsBytes(content)),
                StatusIs(StatusCode::kDataLoss, HasSubstr("second line")));
  }
}

TEST(RecordTest, NoChangedBitIsAcceptedWithItsHmac) {
  const StoreKey key = ValueOf(StoreKey::FromSecret(ValueOf(crypto::RandomSecret(kStoreKeySize))));
  const base::Bytes hmac = ValueOf(key.RecordHmac(base::AsBytes(kSampleLine)));
  const std::string whole = EncodeRecordFile(kSampleLine, hmac);
  ASSERT_THAT(DecodeRecordFile(base::AsBytes(whole)), IsOk());
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    const absl::StatusOr<RecordFile> file = DecodeRecordFile(base::AsBytes(changed));
    if (!file.ok()) continue;
    EXPECT_FALSE(
        crypto::EqualInConstantTime(ValueOf(key.RecordHmac(base::AsBytes(file->line))), file->hmac))
        << changed;
  }
}

}  // namespace
}  // namespace jet::keystore
