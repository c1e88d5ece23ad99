#include "pki/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pemerr.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/status_macros.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"

namespace jet::pki {
namespace {

// RFC 7468, section 2: lines of exactly 64 characters but for the last.
constexpr size_t kLineLength = 64;

// Returns the next block, nullopt when OpenSSL finds none.
absl::optional<PemBlock> NextBlock(BIO* bio) {
  char* name = nullptr;
  char* header = nullptr;
  uint8_t* data = nullptr;
  long size = 0;
  if (PEM_read_bio(bio, &name, &header, &data, &size) != 1) return absl::nullopt;
  PemBlock block{name, {}};
  if (!block.holds_private_key()) block.content.assign(data, data + size);
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_clear_free(data, static_cast<size_t>(size));
  return block;
}

absl::StatusOr<base::Bytes> ReadOneBlock(base::ByteSpan file, const ObjectKind& kind) {
  JET_ASSIGN_OR_RETURN(std::vector<PemBlock> blocks, ReadPem(file));
  for (const PemBlock& block : blocks) {
    if (block.label != kind.label && block.label != kind.other_label) {
      return absl::InvalidArgumentError(absl::StrCat("the file holds a PEM block '", block.label,
                                                     "': a ", kind.noun, " file holds one ",
                                                     kind.noun, " and nothing else"));
    }
  }
  if (blocks.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("the file holds more than one ", kind.noun,
                                                   ": which one is meant cannot be told"));
  }
  if (blocks.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("not ", kind.full_noun, " in PEM"));
  }
  return std::move(blocks.front().content);
}

}  // namespace

bool PemBlock::holds_private_key() const { return absl::EndsWith(label, "PRIVATE KEY"); }

bool IsPem(base::ByteSpan file) {
  // A SEQUENCE with a long length: what is in it may look like anything, and it is no text.
  const bool der = file.size() > 1 && file[0] == 0x30 && file[1] >= 0x80 && file[1] <= 0x84;
  return !der && absl::StrContains(base::AsText(file), "-----BEGIN ");
}

absl::StatusOr<std::vector<PemBlock>> ReadPem(base::ByteSpan file) {
  const crypto::BioPtr bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
  if (bio == nullptr) {
    return crypto::OpenSslError(absl::StatusCode::kInternal, "cannot read PEM");
  }
  std::vector<PemBlock> blocks;
  while (absl::optional<PemBlock> block = NextBlock(bio.get())) {
    blocks.push_back(*std::move(block));
  }
  // The end of a PEM file is an error to OpenSSL, the same as if there were no block to begin with;
  // any other error is a block that cannot be read.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return crypto::OpenSslError(absl::StatusCode::kInvalidArgument,
                                "the file holds a broken PEM block");
  }
  crypto::DropOpenSslErrors();
  return blocks;
}

absl::StatusOr<base::Bytes> ReadOneDer(base::ByteSpan file, const ObjectKind& kind) {
  if (file.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the ", kind.noun, " file is empty"));
  }
  if (IsPem(file)) return ReadOneBlock(file, kind);
  return base::ToBytes(file);
}

std::string WritePem(absl::string_view label, base::ByteSpan der) {
  const std::string base64 = absl::Base64Escape(base::AsText(der));
  std::string pem = absl::StrCat("-----BEGIN ", label, "-----\n");
  for (size_t i = 0; i < base64.size(); i += kLineLength) {
    absl::StrAppend(&pem, base64.substr(i, kLineLength), "\n");
  }
  absl::StrAppend(&pem, "-----END ", label, "-----\n");
  return pem;
}

}  // namespace jet::pki
