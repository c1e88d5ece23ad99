#include "ima/ecdsa_signature.h"

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "base/byte_reader.h"
#include "base/status_macros.h"

namespace jet::ima {
namespace {

constexpr uint8_t kSequence = 0x30;
constexpr uint8_t kInteger = 0x02;
constexpr uint8_t kLongForm = 0x80;  // added to the number of length bytes; alone: indefinite

absl::Status Malformed() {
  return absl::InvalidArgumentError("not an ECDSA signature that the kernel can parse");
}

// A tag's length: nullopt within means indefinite.
absl::StatusOr<absl::optional<size_t>> ReadLength(base::ByteReader& reader) {
  const auto first = reader.ReadU8();
  if (!first.has_value()) return Malformed();
  if (*first < kLongForm) return absl::optional<size_t>(*first);
  size_t bytes = *first - size_t{kLongForm};
  if (bytes == 0) return absl::optional<size_t>();
  if (bytes > 2) return Malformed();
  size_t length = 0;
  for (; bytes > 0; --bytes) {
    const auto next = reader.ReadU8();
    if (!next.has_value()) return Malformed();
    length = length << 8 | *next;
  }
  return absl::optional<size_t>(length);
}

// Reads an INTEGER and returns it without leading zeros.
absl::StatusOr<base::ByteSpan> ReadNumber(base::ByteReader& reader, size_t scalar_size) {
  if (reader.ReadU8() != kInteger) return Malformed();
  JET_ASSIGN_OR_RETURN(const absl::optional<size_t> length, ReadLength(reader));
  if (!length.has_value() || *length == 0) return Malformed();
  const auto content = reader.ReadSpan(*length);
  if (!content.has_value()) return Malformed();
  base::ByteSpan number = *content;
  if (number.size() > scalar_size && number.front() == 0) number.remove_prefix(1);
  if (number.size() > scalar_size) return Malformed();
  while (number.size() > 1 && number.front() == 0) number.remove_prefix(1);
  return number;
}

void AppendNumber(base::Bytes& der, base::ByteSpan number) {
  const bool needs_sign = (number.front() & 0x80U) != 0;
  der.push_back(kInteger);
  der.push_back(static_cast<uint8_t>(number.size() + (needs_sign ? 1 : 0)));
  if (needs_sign) der.push_back(0);
  der.insert(der.end(), number.begin(), number.end());
}

// The content of the SEQUENCE; of an indefinite one all that follows, its end still to be found.
absl::StatusOr<base::ByteReader> EnterSequence(base::ByteReader& reader, bool& indefinite) {
  if (reader.ReadU8() != kSequence) return Malformed();
  JET_ASSIGN_OR_RETURN(const absl::optional<size_t> length, ReadLength(reader));
  indefinite = !length.has_value();
  if (indefinite) return base::ByteReader(reader.ReadRest());
  const auto content = reader.ReadSpan(*length);
  if (!content.has_value()) return Malformed();
  return base::ByteReader(*content);
}

}  // namespace

absl::StatusOr<base::Bytes> StrictEcdsaSignature(base::ByteSpan encoded, size_t scalar_size) {
  base::ByteReader reader(encoded);
  bool indefinite = false;
  JET_ASSIGN_OR_RETURN(base::ByteReader content, EnterSequence(reader, indefinite));
  JET_ASSIGN_OR_RETURN(const base::ByteSpan r, ReadNumber(content, scalar_size));
  JET_ASSIGN_OR_RETURN(const base::ByteSpan s, ReadNumber(content, scalar_size));
  // Two zero bytes end an indefinite SEQUENCE; a definite one ends with s.
  if (indefinite ? content.ReadU16() != uint16_t{0} : content.remaining() != 0) return Malformed();
  base::Bytes numbers;
  AppendNumber(numbers, r);
  AppendNumber(numbers, s);
  // 102 bytes at the most, for P-384: the short form holds them.
  base::Bytes der = {kSequence, static_cast<uint8_t>(numbers.size())};
  der.insert(der.end(), numbers.begin(), numbers.end());
  return der;
}

}  // namespace jet::ima
