#include "keystore/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/hex.h"
#include "crypto/digest.h"
#include "keystore/transfer_frame.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using ::testing::HasSubstr;

constexpr char kId[] = "00112233445566778899aabbccddeeff";
constexpr size_t kKindAt = 9;
constexpr size_t kSizesAt = 10;
constexpr size_t kPrefix = 22;
constexpr size_t kChecksum = 32;

std::string Sha256Hex(base::ByteSpan bytes) {
  return base::HexEncode(
      ValueOf(crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, bytes)).value());
}

TransferRequest Put() {
  TransferRequest request;
  request.operation = TransferOperation::kPut;
  request.id = kId;
  request.name = "ima-test-key";
  request.subject_key_identifier = "0a0b0c0d";
  request.certificate = base::Bytes{0x30, 0x03, 0x02, 0x01, 0x05};
  request.certificate_sha256 = Sha256Hex(request.certificate);
  request.private_key = crypto::Secret::CopyOf(base::AsBytes("a private key"));
  return request;
}

TransferRequest Delete() {
  TransferRequest request;
  request.operation = TransferOperation::kDelete;
  request.id = kId;
  request.name = "ima-test-key";
  request.certificate_sha256 = Sha256Hex(base::AsBytes("a certificate"));
  return request;
}

TransferRequest Rename() {
  TransferRequest request = Delete();
  request.operation = TransferOperation::kRename;
  request.new_name = "new-name";
  return request;
}

TransferRequest List() {
  TransferRequest request;
  request.id = kId;
  return request;
}

TransferReply Listing() {
  const std::string hash = Sha256Hex(base::AsBytes("a certificate"));
  TransferReply reply;
  reply.id = kId;
  reply.status = TransferStatus::kDone;
  reply.keys = {{"a", hash, false}, {"b", "", false}, {"c", hash, true}};
  return reply;
}

base::Bytes Encoded(const TransferRequest& request) {
  return base::ToBytes(ValueOf(EncodeTransferRequest(request)).Expose());
}

base::Bytes Encoded(const TransferReply& reply) { return ValueOf(EncodeTransferReply(reply)); }

// A frame whose checksum is right.
base::Bytes Framed(FrameKind kind, absl::string_view header, absl::string_view certificate = "") {
  return base::ToBytes(ValueOf(EncodeFrame({kind, base::AsBytes(header), base::AsBytes(certificate),
                                            base::ByteSpan()}))
                           .Expose());
}

// Makes the checksum of a changed record right again.
base::Bytes Resealed(base::Bytes record) {
  const base::ByteSpan content = base::ByteSpan(record).first(record.size() - kChecksum);
  const crypto::Digest digest =
      ValueOf(crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, content));
  std::copy(digest.value().begin(), digest.value().end(), record.end() - kChecksum);
  return record;
}

std::string Replaced(std::string text, absl::string_view from, absl::string_view to) {
  const size_t at = text.find(std::string(from));
  if (at == std::string::npos) throw std::runtime_error("nothing to replace");
  return text.replace(at, from.size(), std::string(to));
}

std::string HeaderOf(const TransferRequest& request) {
  const base::Bytes record = Encoded(request);
  return std::string(base::AsText(ValueOf(DecodeFrame(record)).header));
}

std::string HeaderOf(const TransferReply& reply) {
  const base::Bytes record = Encoded(reply);
  return std::string(base::AsText(ValueOf(DecodeFrame(record)).header));
}

TEST(TransferTest, APutComesBackAsItWas) {
  const TransferRequest sent = Put();
  ASSERT_OK_AND_ASSIGN(const TransferRequest got, DecodeTransferRequest(Encoded(sent)));
  EXPECT_EQ(got.operation, TransferOperation::kPut);
  EXPECT_EQ(got.id, sent.id);
  EXPECT_EQ(got.name, sent.name);
  EXPECT_EQ(got.subject_key_identifier, sent.subject_key_identifier);
  EXPECT_EQ(got.certificate_sha256, sent.certificate_sha256);
  EXPECT_EQ(got.certificate, sent.certificate);
  EXPECT_EQ(got.private_key.Expose(), sent.private_key.Expose());
}

TEST(TransferTest, ADeleteAndAListComeBackAsTheyWere) {
  ASSERT_OK_AND_ASSIGN(const TransferRequest removal, DecodeTransferRequest(Encoded(Delete())));
  EXPECT_EQ(removal.operation, TransferOperation::kDelete);
  EXPECT_EQ(removal.name, Delete().name);
  EXPECT_EQ(removal.certificate_sha256, Delete().certificate_sha256);
  ASSERT_OK_AND_ASSIGN(const TransferRequest list, DecodeTransferRequest(Encoded(List())));
  EXPECT_EQ(list.operation, TransferOperation::kList);
  EXPECT_EQ(list.id, kId);
}

TEST(TransferTest, ARenameComesBackAsItWas) {
  const base::Bytes record = Encoded(Rename());
  EXPECT_EQ(record[kKindAt], 5);
  ASSERT_OK_AND_ASSIGN(const TransferRequest rename, DecodeTransferRequest(record));
  EXPECT_EQ(rename.operation, TransferOperation::kRename);
  EXPECT_EQ(rename.name, "ima-test-key");
  EXPECT_EQ(rename.new_name, "new-name");
  EXPECT_EQ(rename.certificate_sha256, Rename().certificate_sha256);
  EXPECT_EQ(HeaderOf(Rename()), absl::StrCat("{\"id\":\"", kId, "\",\"name\":\"ima-test-key\",",
                                             "\"new_name\":\"new-name\",\"certificate_sha256\":\"",
                                             Rename().certificate_sha256, "\"}"));
}

TEST(TransferTest, ARenameToNoOtherNameIsRefused) {
  TransferRequest request = Rename();
  request.new_name = request.name;
  EXPECT_THAT(DecodeTransferRequest(Encoded(request)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("new name is the old one")));
  request.new_name = "../x";
  EXPECT_THAT(DecodeTransferRequest(Encoded(request)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cannot be the name")));
  const std::string header = Replaced(HeaderOf(Rename()), "\"new_name\":\"new-name\",", "");
  EXPECT_THAT(DecodeTransferRequest(Framed(FrameKind::kRename, header)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'new_name' is not a")));
  EXPECT_THAT(DecodeTransferRequest(Framed(FrameKind::kDelete, HeaderOf(Rename()))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("header is wrong")));
}

TEST(TransferTest, AReplyComesBackAsItWas) {
  for (const TransferStatus status :
       {TransferStatus::kDone, TransferStatus::kAlready, TransferStatus::kMissing,
        TransferStatus::kConflict, TransferStatus::kRefused, TransferStatus::kFailed}) {
    TransferReply sent = Listing();
    sent.status = status;
    sent.has_private_key = true;
    sent.message = "why: \"\n\x7f";
    ASSERT_OK_AND_ASSIGN(const TransferReply got, DecodeTransferReply(Encoded(sent)));
    EXPECT_EQ(got.id, sent.id);
    EXPECT_EQ(got.status, status);
    EXPECT_TRUE(got.has_private_key);
    EXPECT_EQ(got.message, sent.message);
    EXPECT_EQ(got.keys, sent.keys);
  }
}

TEST(TransferTest, AMessageThatIsNotUtf8IsMended) {
  TransferReply sent = Listing();
  sent.message = "bad \xff byte";
  ASSERT_OK_AND_ASSIGN(const TransferReply got, DecodeTransferReply(Encoded(sent)));
  EXPECT_EQ(got.message, "bad \xef\xbf\xbd byte");
}

TEST(TransferTest, TheBytesAreThoseOfTheFormat) {
  const base::Bytes record = Encoded(List());
  const std::string header = absl::StrCat("{\"id\":\"", kId, "\"}");
  EXPECT_EQ(base::HexEncode(base::ByteSpan(record).first(kPrefix)),
            "6a65742070656572"  // "jet peer"
            "0103"              // version 1, list
            "00000029"          // 41 bytes of header
            "0000000000000000");
  EXPECT_EQ(base::AsText(base::ByteSpan(record).subspan(kPrefix, header.size())), header);
  EXPECT_EQ(record.size(), kPrefix + header.size() + kChecksum);
}

TEST(TransferTest, ARecordCutAtAnyLengthIsRefused) {
  const base::Bytes record = Encoded(Put());
  for (size_t size = 0; size < record.size(); ++size) {
    EXPECT_THAT(DecodeTransferRequest(base::ByteSpan(record).first(size)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("truncated")))
        << size;
  }
  const base::Bytes reply = Encoded(Listing());
  for (size_t size = 0; size < reply.size(); ++size) {
    EXPECT_THAT(DecodeTransferReply(base::ByteSpan(reply).first(size)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("truncated")))
        << size;
  }
}

TEST(TransferTest, ARecordWithAnyBitChangedIsRefused) {
  const base::Bytes record = Encoded(Put());
  for (size_t i = 0; i < record.size() * 8; ++i) {
    base::Bytes changed = record;
    changed[i / 8] = static_cast<uint8_t>(changed[i / 8] ^ 1U << i % 8);
    EXPECT_FALSE(DecodeTransferRequest(changed).ok()) << "bit " << i;
  }
}

TEST(TransferTest, BytesAfterTheRecordAreRefused) {
  base::Bytes two = Encoded(List());
  const base::Bytes one = two;
  two.insert(two.end(), one.begin(), one.end());
  EXPECT_THAT(DecodeTransferRequest(two),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("95 bytes after the record")));
  base::Bytes longer = one;
  longer.push_back(0);
  EXPECT_THAT(DecodeTransferRequest(longer),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 bytes after the record")));
}

TEST(TransferTest, WhatBeginsOtherwiseIsNoRecord) {
  EXPECT_THAT(DecodeTransferRequest(base::AsBytes("SSH-2.0-OpenSSH_9.2")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no record of a keystore")));
  EXPECT_THAT(DecodeTransferReply(base::AsBytes("motd")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no record of a keystore")));
}

TEST(TransferTest, AnotherVersionIsNamed) {
  base::Bytes record = Encoded(List());
  record[kKindAt - 1] = 2;
  EXPECT_THAT(DecodeTransferRequest(Resealed(record)),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("format version 2")));
}

TEST(TransferTest, AnotherOperationIsNamed) {
  for (const int kind : {0, 6, 255}) {
    base::Bytes record = Encoded(List());
    record[kKindAt] = static_cast<uint8_t>(kind);
    EXPECT_THAT(DecodeTransferRequest(Resealed(record)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("unknown operation, ", kind))));
  }
}

TEST(TransferTest, ARequestIsNoReplyAndAReplyNoRequest) {
  EXPECT_THAT(DecodeTransferReply(Encoded(List())),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is a request")));
  EXPECT_THAT(DecodeTransferRequest(Encoded(Listing())),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is a reply")));
}

TEST(TransferTest, AWrongChecksumIsNamed) {
  base::Bytes record = Encoded(Put());
  record.back() ^= 1;
  EXPECT_THAT(DecodeTransferRequest(record),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("checksum is wrong")));
}

// A size field that promises more than is allowed is refused before anything is looked for.
TEST(TransferTest, PartsThatAreTooLargeAreNamed) {
  for (const auto& [part, name] :
       {std::pair(0, "header"), {1, "certificate"}, {2, "private key"}}) {
    base::Bytes record = Encoded(Put());
    record[kSizesAt + static_cast<size_t>(part) * 4] = 0xff;
    EXPECT_THAT(DecodeTransferRequest(record),
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr(name)));
  }
}

TEST(TransferTest, TheLargestPartsAreTakenAndLargerOnesAreNot) {
  TransferRequest request = Put();
  request.certificate = base::Bytes(kMaxFrameCertificate, 7);
  request.certificate_sha256 = Sha256Hex(request.certificate);
  request.private_key = crypto::Secret::OfSize(kMaxFramePrivateKey);
  const base::Bytes record = Encoded(request);
  EXPECT_LE(record.size(), kMaxTransferRequest);
  EXPECT_THAT(DecodeTransferRequest(record), IsOk());
  request.certificate.push_back(7);
  EXPECT_THAT(EncodeTransferRequest(request),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("certificate")));
  request.certificate.pop_back();
  request.private_key = crypto::Secret::OfSize(kMaxFramePrivateKey + 1);
  EXPECT_THAT(EncodeTransferRequest(request),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("private key")));
}

TEST(TransferTest, OnlyAPutHasACertificate) {
  for (const FrameKind kind : {FrameKind::kDelete, FrameKind::kRename, FrameKind::kList}) {
    EXPECT_THAT(
        EncodeFrame({kind, base::AsBytes("{}"), base::AsBytes("x"), base::ByteSpan()}).status(),
        StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("0 are allowed")));
  }
}

TEST(TransferTest, AnImpossibleNameIsRefused) {
  for (const char* name : {"", "../x", "a/b", ".hidden", "-dash", "a b"}) {
    TransferRequest request = Delete();
    request.name = name;
    EXPECT_THAT(DecodeTransferRequest(Encoded(request)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cannot be the name")));
  }
}

TEST(TransferTest, HeadersThatSaySomethingElseAreRefused) {
  const std::string good = HeaderOf(Delete());
  EXPECT_THAT(DecodeTransferRequest(Framed(FrameKind::kDelete, good)), IsOk());
  const std::string bad[] = {
      "",
      "[]",
      "{}",
      std::string(10000, '['),
      Replaced(good, kId, "00"),
      Replaced(good, kId, "00112233445566778899AABBCCDDEEFF"),
      Replaced(good, "\"name\"", "\"nome\""),
      Replaced(good, "\"ima-test-key\"", "5"),
      Replaced(good, "certificate_sha256\":\"", "certificate_sha256\":\"00"),
      Replaced(good, "{", "{ "),
      Replaced(good, "{", "{\"more\":1,"),
      Replaced(good, "{", "{\"name\":\"other\","),
      good + "\n",
  };
  for (const std::string& header : bad) {
    EXPECT_THAT(DecodeTransferRequest(Framed(FrameKind::kDelete, header)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("header is wrong")))
        << header;
  }
}

TEST(TransferTest, ACertificateOtherThanTheHeaderNamesIsRefused) {
  TransferRequest request = Put();
  request.certificate.push_back(0);
  EXPECT_THAT(DecodeTransferRequest(Encoded(request)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another certificate")));
}

TEST(TransferTest, RepliesThatSaySomethingElseAreRefused) {
  const std::string good = HeaderOf(Listing());
  EXPECT_THAT(DecodeTransferReply(Framed(FrameKind::kReply, good)), IsOk());
  const std::string bad[] = {
      "{}",
      Replaced(good, "\"done\"", "\"maybe\""),
      Replaced(good, "\"name\":\"a\"", "\"name\":\"c\""),
      Replaced(good, "\"name\":\"a\"", "\"name\":\"b\""),
      Replaced(good, "\"name\":\"a\"", "\"name\":\"../a\""),
      Replaced(good, "\"certificate_sha256\":\"", "\"certificate_sha256\":\"0"),
      Replaced(good, "\"private_key\":false", "\"private_key\":0"),
      Replaced(good, "\"keys\":[", "\"keys\":[7,"),
      Replaced(good, "\"keys\":", "\"kays\":"),
  };
  for (const std::string& header : bad) {
    EXPECT_THAT(DecodeTransferReply(Framed(FrameKind::kReply, header)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("header is wrong")))
        << header;
  }
}

TEST(TransferTest, IdsAreNewEachTime) {
  ASSERT_OK_AND_ASSIGN(const std::string one, NewTransferId());
  ASSERT_OK_AND_ASSIGN(const std::string two, NewTransferId());
  EXPECT_EQ(one.size(), 32U);
  EXPECT_NE(one, two);
}

}  // namespace
}  // namespace jet::keystore
