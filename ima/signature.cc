#include "ima/signature.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/byte_reader.h"

namespace jet::ima {
namespace {

struct KernelHashRow {
  const char* name;    // hash_algo_name[] of crypto/hash_info.c
  size_t digest_size;  // hash_digest_size[], bytes
  absl::optional<crypto::HashAlgorithm> algorithm;
};

using crypto::HashAlgorithm;

// enum hash_algo of include/uapi/linux/hash_info.h in Linux 6.1; a row's place is its number.
const std::array<KernelHashRow, 20>& KernelHashes() {
  static const std::array<KernelHashRow, 20> kRows = {{
      {"md4", 16, {}},
      {"md5", 16, HashAlgorithm::kMd5},
      {"sha1", 20, HashAlgorithm::kSha1},
      {"rmd160", 20, {}},
      {"sha256", 32, HashAlgorithm::kSha256},
      {"sha384", 48, HashAlgorithm::kSha384},
      {"sha512", 64, HashAlgorithm::kSha512},
      {"sha224", 28, HashAlgorithm::kSha224},
      {"rmd128", 16, {}},
      {"rmd256", 32, {}},
      {"rmd320", 40, {}},
      {"wp256", 32, {}},
      {"wp384", 48, {}},
      {"wp512", 64, {}},
      {"tgr128", 16, {}},
      {"tgr160", 20, {}},
      {"tgr192", 24, {}},
      {"sm3", 32, {}},
      {"streebog256", 32, {}},
      {"streebog512", 64, {}},
  }};
  return kRows;
}

DecodedXattr& Fail(DecodedXattr& decoded, XattrDefect defect) {
  decoded.defect = defect;
  return decoded;
}

// The rest of a signature of either type, after the type byte.
DecodedXattr DecodeSignature(base::ByteReader reader, DecodedXattr decoded) {
  const bool verity = *decoded.type == static_cast<uint8_t>(XattrType::kVeritySignature);
  decoded.version = reader.ReadU8();
  if (!decoded.version.has_value()) return Fail(decoded, XattrDefect::kTruncated);
  if (*decoded.version != (verity ? kSignatureVersion3 : kSignatureVersion2)) {
    return Fail(decoded, XattrDefect::kUnknownVersion);
  }
  decoded.hash_id = reader.ReadU8();
  const auto key_id = reader.ReadSpan(KeyId().size());
  if (key_id.has_value()) {
    decoded.key_id.emplace();
    std::copy(key_id->begin(), key_id->end(), decoded.key_id->begin());
    decoded.stated_size = reader.ReadU16();
  }
  // A header that nothing follows is as short as one that is cut off.
  if (!decoded.stated_size.has_value() || reader.remaining() == 0) {
    return Fail(decoded, XattrDefect::kTruncated);
  }
  decoded.payload = base::ToBytes(reader.ReadRest());
  if (decoded.payload.size() != *decoded.stated_size) {
    return Fail(decoded, XattrDefect::kWrongSize);
  }
  if (*decoded.hash_id >= KernelHashes().size()) return Fail(decoded, XattrDefect::kUnknownHash);
  return decoded;
}

DecodedXattr DecodeDigestNg(base::ByteReader reader, DecodedXattr decoded) {
  decoded.hash_id = reader.ReadU8();
  if (!decoded.hash_id.has_value()) return Fail(decoded, XattrDefect::kTruncated);
  decoded.payload = base::ToBytes(reader.ReadRest());
  if (*decoded.hash_id >= KernelHashes().size()) return Fail(decoded, XattrDefect::kUnknownHash);
  if (decoded.payload.size() != KernelHashes().at(*decoded.hash_id).digest_size) {
    return Fail(decoded, XattrDefect::kWrongDigestSize);
  }
  return decoded;
}

// The old digest does not name its algorithm: 20 bytes are sha1, 16 are md5 (ima_get_hash_algo).
DecodedXattr DecodeDigest(base::ByteReader reader, DecodedXattr decoded) {
  decoded.payload = base::ToBytes(reader.ReadRest());
  if (decoded.payload.size() == 20) {
    decoded.hash_id = KernelHashId(HashAlgorithm::kSha1);
  } else if (decoded.payload.size() == 16) {
    decoded.hash_id = KernelHashId(HashAlgorithm::kMd5);
  } else {
    decoded.defect = XattrDefect::kWrongDigestSize;
  }
  return decoded;
}

}  // namespace

uint8_t KernelHashId(crypto::HashAlgorithm algorithm) {
  const auto& rows = KernelHashes();
  const auto row = std::find_if(rows.begin(), rows.end(), [algorithm](const KernelHashRow& r) {
    return r.algorithm == algorithm;
  });
  return static_cast<uint8_t>(row - rows.begin());
}

absl::optional<std::string> KernelHashName(uint8_t id) {
  if (id >= KernelHashes().size()) return absl::nullopt;
  return std::string(KernelHashes().at(id).name);
}

absl::optional<crypto::HashAlgorithm> HashOfKernelId(uint8_t id) {
  if (id >= KernelHashes().size()) return absl::nullopt;
  return KernelHashes().at(id).algorithm;
}

absl::StatusOr<base::Bytes> EncodeSignature(const Signature& signature) {
  const size_t size = signature.signature.size();
  if (size == 0 || size > std::numeric_limits<uint16_t>::max()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a signature of ", size, " bytes does not fit into security.ima"));
  }
  base::Bytes value;
  value.reserve(kSignatureHeaderSize + size);
  const bool verity = signature.kind == SignatureKind::kVerity;
  value.push_back(
      static_cast<uint8_t>(verity ? XattrType::kVeritySignature : XattrType::kSignature));
  value.push_back(verity ? kSignatureVersion3 : kSignatureVersion2);
  value.push_back(KernelHashId(signature.hash));
  value.insert(value.end(), signature.key_id.begin(), signature.key_id.end());
  value.push_back(static_cast<uint8_t>(size >> 8));
  value.push_back(static_cast<uint8_t>(size & 0xff));
  value.insert(value.end(), signature.signature.begin(), signature.signature.end());
  return value;
}

bool DecodedXattr::is_signature() const {
  return type == static_cast<uint8_t>(XattrType::kSignature) ||
         type == static_cast<uint8_t>(XattrType::kVeritySignature);
}

absl::optional<SignatureKind> DecodedXattr::kind() const {
  if (!is_signature() || defect != XattrDefect::kNone) return absl::nullopt;
  return type == static_cast<uint8_t>(XattrType::kSignature) ? SignatureKind::kContent
                                                             : SignatureKind::kVerity;
}

DecodedXattr DecodeXattr(base::ByteSpan value) {
  base::ByteReader reader(value);
  DecodedXattr decoded;
  decoded.type = reader.ReadU8();
  if (!decoded.type.has_value()) return Fail(decoded, XattrDefect::kEmpty);
  switch (static_cast<XattrType>(*decoded.type)) {
    case XattrType::kDigest:
      return DecodeDigest(reader, std::move(decoded));
    case XattrType::kDigestNg:
      return DecodeDigestNg(reader, std::move(decoded));
    case XattrType::kSignature:
    case XattrType::kVeritySignature:
      return DecodeSignature(reader, std::move(decoded));
    case XattrType::kEvmHmac:
    case XattrType::kEvmPortable:
      break;  // security.evm has these; security.ima never does
  }
  return Fail(decoded, XattrDefect::kUnknownType);
}

std::string DescribeDefect(const DecodedXattr& decoded) {
  switch (decoded.defect) {
    case XattrDefect::kNone:
      return "nothing is wrong with it";
    case XattrDefect::kEmpty:
      return "security.ima is empty";
    case XattrDefect::kUnknownType:
      return absl::StrCat("type ", decoded.type.value_or(0), " is none that security.ima has");
    case XattrDefect::kTruncated:
      return "security.ima ends before its header does, or right after it";
    case XattrDefect::kWrongSize:
      return absl::StrCat("the size field says ", decoded.stated_size.value_or(0), " bytes, ",
                          decoded.payload.size(), " follow");
    case XattrDefect::kUnknownVersion:
      return absl::StrCat("signature version ", decoded.version.value_or(0), " is none that type ",
                          decoded.type.value_or(0), " has");
    case XattrDefect::kUnknownHash:
      return absl::StrCat("hash number ", decoded.hash_id.value_or(0), " is unknown");
    case XattrDefect::kWrongDigestSize:
      return absl::StrCat("a digest of ", decoded.payload.size(),
                          " bytes does not go with its hash algorithm");
  }
  return "";
}

}  // namespace jet::ima
