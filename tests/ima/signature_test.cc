#include "ima/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

using absl::StatusCode;
using base::Bytes;
using base::ByteSpan;
using crypto::HashAlgorithm;
using test::IsOkAndHolds;
using test::StatusIs;

constexpr KeyId kKeyId = {0x4b, 0xbb, 0x99, 0xd2};

// Returns a signature header in front of `size` bytes that the size field gives as `stated`.
Bytes SignatureValue(uint8_t type, uint8_t version, uint8_t hash_id, size_t size, size_t stated) {
  Bytes value = {type,
                 version,
                 hash_id,
                 kKeyId[0],
                 kKeyId[1],
                 kKeyId[2],
                 kKeyId[3],
                 static_cast<uint8_t>(stated >> 8),
                 static_cast<uint8_t>(stated & 0xff)};
  value.resize(value.size() + size, 0xa5);
  return value;
}

Bytes GoodSignature(size_t size = 64) { return SignatureValue(3, 2, 4, size, size); }

XattrDefect DefectOf(const Bytes& value) { return DecodeXattr(value).defect; }

TEST(EncodeSignatureTest, TheBytesAreThoseOfTheFormat) {
  EXPECT_THAT(
      EncodeSignature({HashAlgorithm::kSha256, kKeyId, {0xaa, 0xbb, 0xcc}}),
      IsOkAndHolds(Bytes{0x03, 0x02, 0x04, 0x4b, 0xbb, 0x99, 0xd2, 0x00, 0x03, 0xaa, 0xbb, 0xcc}));
}

TEST(EncodeSignatureTest, EveryHashAndSizeSurvivesTheRoundTrip) {
  for (const crypto::HashAlgorithmRow& row : crypto::HashAlgorithms()) {
    for (const size_t size : {1, 2, 70, 71, 72, 128, 255, 256, 257, 384, 512, 65534, 65535}) {
      const Signature signature = {row.algorithm, kKeyId, Bytes(size, 0x5a)};
      ASSERT_OK_AND_ASSIGN(const Bytes value, EncodeSignature(signature));
      EXPECT_EQ(value.size(), kSignatureHeaderSize + size);
      const DecodedXattr decoded = DecodeXattr(value);
      EXPECT_EQ(decoded.defect, XattrDefect::kNone);
      EXPECT_TRUE(decoded.is_signature());
      EXPECT_EQ(decoded.type, 3);
      EXPECT_EQ(decoded.version, 2);
      EXPECT_EQ(HashOfKernelId(decoded.hash_id.value()), row.algorithm);
      EXPECT_EQ(decoded.key_id, kKeyId);
      EXPECT_EQ(decoded.stated_size, size);
      EXPECT_EQ(decoded.payload, signature.signature);
    }
  }
}

TEST(EncodeSignatureTest, ASignatureOfAVerityDigestIsVersion3) {
  const Signature signature = {
      HashAlgorithm::kSha512, kKeyId, {0xaa, 0xbb}, SignatureKind::kVerity};
  ASSERT_OK_AND_ASSIGN(const Bytes value, EncodeSignature(signature));
  EXPECT_EQ(value, (Bytes{0x06, 0x03, 0x06, 0x4b, 0xbb, 0x99, 0xd2, 0x00, 0x02, 0xaa, 0xbb}));
  const DecodedXattr decoded = DecodeXattr(value);
  EXPECT_EQ(decoded.kind(), SignatureKind::kVerity);
  EXPECT_EQ(decoded.payload, signature.signature);
}

TEST(DecodeXattrTest, OnlyASoundSignatureHasAKind) {
  EXPECT_EQ(DecodeXattr(GoodSignature()).kind(), SignatureKind::kContent);
  EXPECT_EQ(DecodeXattr(SignatureValue(6, 3, 4, 64, 64)).kind(), SignatureKind::kVerity);
  EXPECT_EQ(DecodeXattr(SignatureValue(6, 2, 4, 64, 64)).kind(), absl::nullopt);
  EXPECT_EQ(DecodeXattr(SignatureValue(3, 3, 4, 64, 64)).kind(), absl::nullopt);
  EXPECT_EQ(DecodeXattr(SignatureValue(3, 2, 4, 64, 65)).kind(), absl::nullopt);
  EXPECT_EQ(DecodeXattr(Bytes(34, 4)).kind(), absl::nullopt);
  EXPECT_EQ(DecodeXattr({}).kind(), absl::nullopt);
}

TEST(EncodeSignatureTest, AnEmptySignatureIsRefused) {
  EXPECT_THAT(EncodeSignature({HashAlgorithm::kSha256, kKeyId, {}}),
              StatusIs(StatusCode::kInvalidArgument,
                       "a signature of 0 bytes does not fit into security.ima"));
}

TEST(EncodeSignatureTest, ASignatureBeyondTheSizeFieldIsRefused) {
  EXPECT_THAT(EncodeSignature({HashAlgorithm::kSha256, kKeyId, Bytes(65536)}),
              StatusIs(StatusCode::kInvalidArgument,
                       "a signature of 65536 bytes does not fit into security.ima"));
}

TEST(DecodeXattrTest, AnEmptyValueIsEmpty) {
  const DecodedXattr decoded = DecodeXattr({});
  EXPECT_EQ(decoded.defect, XattrDefect::kEmpty);
  EXPECT_EQ(decoded.type, absl::nullopt);
  EXPECT_FALSE(decoded.is_signature());
  EXPECT_EQ(DescribeDefect(decoded), "security.ima is empty");
}

TEST(DecodeXattrTest, EveryTruncationOfTheHeaderIsTruncated) {
  const Bytes whole = GoodSignature();
  for (size_t size = 1; size <= kSignatureHeaderSize; ++size) {
    const DecodedXattr decoded = DecodeXattr(ByteSpan(whole).subspan(0, size));
    EXPECT_EQ(decoded.defect, XattrDefect::kTruncated) << size;
    EXPECT_EQ(decoded.type, 3);
    EXPECT_EQ(decoded.version.has_value(), size >= 2);
    EXPECT_EQ(decoded.hash_id.has_value(), size >= 3);
    EXPECT_EQ(decoded.key_id.has_value(), size >= 7);
    EXPECT_EQ(decoded.stated_size.has_value(), size >= 9);
    EXPECT_TRUE(decoded.payload.empty());
    EXPECT_EQ(DescribeDefect(decoded),
              "security.ima ends before its header does, or right after it");
  }
}

TEST(DecodeXattrTest, EveryTruncationOfTheSignatureHasTheWrongSize) {
  const Bytes whole = GoodSignature(64);
  for (size_t size = kSignatureHeaderSize + 1; size < whole.size(); ++size) {
    const DecodedXattr decoded = DecodeXattr(ByteSpan(whole).subspan(0, size));
    EXPECT_EQ(decoded.defect, XattrDefect::kWrongSize) << size;
    EXPECT_EQ(decoded.payload.size(), size - kSignatureHeaderSize);
  }
}

TEST(DecodeXattrTest, TheSizeFieldMustBeExact) {
  for (const size_t size : {1, 64, 255, 256, 257, 384}) {
    for (const size_t stated : {size - 1, size + 1, size + 256, size_t{0}, size_t{65535}}) {
      const DecodedXattr decoded = DecodeXattr(SignatureValue(3, 2, 4, size, stated));
      EXPECT_EQ(decoded.defect, XattrDefect::kWrongSize) << size << ' ' << stated;
      EXPECT_EQ(decoded.payload.size(), size);
      EXPECT_EQ(DescribeDefect(decoded),
                absl::StrCat("the size field says ", stated, " bytes, ", size, " follow"));
    }
  }
}

TEST(DecodeXattrTest, ASignatureOf65536BytesHasTheWrongSize) {
  // Its low 16 bits are the size field's.
  EXPECT_EQ(DefectOf(SignatureValue(3, 2, 4, 65536 + 1, 1)), XattrDefect::kWrongSize);
}

TEST(DecodeXattrTest, ASignatureHasTheVersionOfItsType) {
  for (int version = 0; version < 256; ++version) {
    const auto byte = static_cast<uint8_t>(version);
    const DecodedXattr plain = DecodeXattr(SignatureValue(3, byte, 4, 64, 64));
    EXPECT_EQ(plain.defect, version == 2 ? XattrDefect::kNone : XattrDefect::kUnknownVersion);
    const DecodedXattr verity = DecodeXattr(SignatureValue(6, byte, 4, 64, 64));
    EXPECT_EQ(verity.defect, version == 3 ? XattrDefect::kNone : XattrDefect::kUnknownVersion);
    EXPECT_TRUE(verity.is_signature());
    if (version != 2) {
      EXPECT_EQ(DescribeDefect(plain),
                absl::StrCat("signature version ", version, " is none that type 3 has"));
    }
  }
}

TEST(DecodeXattrTest, AnUnknownVersionShadowsEverythingBehindIt) {
  // What follows an unknown version has an unknown layout.
  const DecodedXattr decoded = DecodeXattr(SignatureValue(3, 1, 99, 5, 77));
  EXPECT_EQ(decoded.defect, XattrDefect::kUnknownVersion);
  EXPECT_EQ(decoded.version, 1);
  EXPECT_EQ(decoded.hash_id, absl::nullopt);
  EXPECT_EQ(decoded.key_id, absl::nullopt);
}

TEST(DecodeXattrTest, ASignatureMayNameAnyHashOfTheKernel) {
  for (int id = 0; id < 256; ++id) {
    const DecodedXattr decoded =
        DecodeXattr(SignatureValue(3, 2, static_cast<uint8_t>(id), 64, 64));
    EXPECT_EQ(decoded.defect, id < 20 ? XattrDefect::kNone : XattrDefect::kUnknownHash) << id;
    EXPECT_EQ(decoded.hash_id, id);
    if (id >= 20) {
      EXPECT_EQ(DescribeDefect(decoded), absl::StrCat("hash number ", id, " is unknown"));
    }
  }
}

TEST(DecodeXattrTest, OtherTypesAreUnknown) {
  for (int type = 0; type < 256; ++type) {
    if (type == 1 || type == 3 || type == 4 || type == 6) continue;
    Bytes value = GoodSignature();
    value[0] = static_cast<uint8_t>(type);
    const DecodedXattr decoded = DecodeXattr(value);
    EXPECT_EQ(decoded.defect, XattrDefect::kUnknownType) << type;
    EXPECT_EQ(decoded.type, type);
    EXPECT_FALSE(decoded.is_signature());
    EXPECT_EQ(DescribeDefect(decoded),
              absl::StrCat("type ", type, " is none that security.ima has"));
    EXPECT_EQ(DefectOf({static_cast<uint8_t>(type)}), XattrDefect::kUnknownType) << type;
  }
}

Bytes OldDigest(size_t size) {
  Bytes value(1 + size, 0xdd);
  value[0] = 0x01;
  return value;
}

TEST(DecodeXattrTest, AnOldDigestIsSha1OrMd5ByItsSize) {
  for (size_t size = 0; size <= 64; ++size) {
    const DecodedXattr decoded = DecodeXattr(OldDigest(size));
    EXPECT_FALSE(decoded.is_signature());
    EXPECT_EQ(decoded.payload.size(), size);
    if (size == 20) {
      EXPECT_EQ(decoded.defect, XattrDefect::kNone);
      EXPECT_EQ(decoded.hash_id, KernelHashId(HashAlgorithm::kSha1));
    } else if (size == 16) {
      EXPECT_EQ(decoded.defect, XattrDefect::kNone);
      EXPECT_EQ(decoded.hash_id, KernelHashId(HashAlgorithm::kMd5));
    } else {
      EXPECT_EQ(decoded.defect, XattrDefect::kWrongDigestSize);
      EXPECT_EQ(DescribeDefect(decoded),
                absl::StrCat("a digest of ", size, " bytes does not go with its hash algorithm"));
    }
  }
}

Bytes NewDigest(uint8_t hash_id, size_t size) {
  Bytes value(2 + size, 0xdd);
  value[0] = 0x04;
  value[1] = hash_id;
  return value;
}

TEST(DecodeXattrTest, ANewDigestHasTheSizeOfItsAlgorithm) {
  for (const crypto::HashAlgorithmRow& row : crypto::HashAlgorithms()) {
    const uint8_t id = KernelHashId(row.algorithm);
    const DecodedXattr decoded = DecodeXattr(NewDigest(id, row.digest_size));
    EXPECT_EQ(decoded.defect, XattrDefect::kNone);
    EXPECT_EQ(decoded.hash_id, id);
    EXPECT_EQ(decoded.payload, Bytes(row.digest_size, 0xdd));
    for (const size_t size : {size_t{0}, row.digest_size - 1, row.digest_size + 1}) {
      EXPECT_EQ(DefectOf(NewDigest(id, size)), XattrDefect::kWrongDigestSize) << row.name;
    }
  }
}

TEST(DecodeXattrTest, ANewDigestWithoutAHashNumberIsTruncated) {
  EXPECT_EQ(DefectOf({0x04}), XattrDefect::kTruncated);
}

TEST(DecodeXattrTest, ANewDigestOfAnUnknownHashIsSaidSo) {
  for (const uint8_t id : {uint8_t{20}, uint8_t{99}, uint8_t{255}}) {
    EXPECT_EQ(DefectOf(NewDigest(id, 32)), XattrDefect::kUnknownHash);
  }
}

TEST(KernelHashTest, TheNumbersAreTheKernels) {
  // include/uapi/linux/hash_info.h and crypto/hash_info.c.
  constexpr const char* kNames[] = {"md4",    "md5",    "sha1",   "rmd160",      "sha256",
                                    "sha384", "sha512", "sha224", "rmd128",      "rmd256",
                                    "rmd320", "wp256",  "wp384",  "wp512",       "tgr128",
                                    "tgr160", "tgr192", "sm3",    "streebog256", "streebog512"};
  for (size_t id = 0; id < std::size(kNames); ++id) {
    EXPECT_EQ(KernelHashName(static_cast<uint8_t>(id)), kNames[id]);
  }
  for (int id = 20; id < 256; ++id) {
    EXPECT_EQ(KernelHashName(static_cast<uint8_t>(id)), absl::nullopt) << id;
    EXPECT_EQ(HashOfKernelId(static_cast<uint8_t>(id)), absl::nullopt) << id;
  }
}

TEST(KernelHashTest, OurAlgorithmsAreThoseOfTheSameName) {
  int ours = 0;
  for (uint8_t id = 0; id < 20; ++id) {
    const auto algorithm = HashOfKernelId(id);
    if (!algorithm.has_value()) continue;
    ++ours;
    EXPECT_EQ(crypto::NameOf(*algorithm), KernelHashName(id));
    EXPECT_EQ(KernelHashId(*algorithm), id);
  }
  EXPECT_EQ(ours, 6);
}

TEST(DescribeDefectTest, NothingWrongIsSaidSo) {
  EXPECT_EQ(DescribeDefect(DecodeXattr(GoodSignature())), "nothing is wrong with it");
}

}  // namespace
}  // namespace jet::ima
