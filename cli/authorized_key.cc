#include "cli/authorized_key.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "base/byte_reader.h"

namespace jet::cli {
namespace {

// What `ssh-keygen -t` makes today; no DSA.
constexpr std::array<absl::string_view, 7> kKeyTypes = {"ssh-ed25519",
                                                        "ecdsa-sha2-nistp256",
                                                        "ecdsa-sha2-nistp384",
                                                        "ecdsa-sha2-nistp521",
                                                        "ssh-rsa",
                                                        "sk-ssh-ed25519@openssh.com",
                                                        "sk-ecdsa-sha2-nistp256@openssh.com"};

// Takes the first word off `line`.
absl::string_view TakeWord(absl::string_view& line) {
  const size_t space = std::min(line.find(' '), line.size());
  const absl::string_view word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

// True when the key's bytes begin with the name of its type (RFC 4253, section 6.6).
bool IsKeyOfType(absl::string_view base64, absl::string_view type) {
  std::string decoded;
  if (!absl::Base64Unescape(base64, &decoded)) return false;
  // Base64Unescape passes over white space and missing padding.
  if (absl::Base64Escape(decoded) != base64) return false;
  base::ByteReader reader(base::AsBytes(decoded));
  const absl::optional<uint16_t> high = reader.ReadU16();
  const absl::optional<uint16_t> low = reader.ReadU16();
  if (!high.has_value() || !low.has_value() || *high != 0) return false;
  const absl::optional<base::ByteSpan> name = reader.ReadSpan(*low);
  return name.has_value() && base::AsText(*name) == type && reader.remaining() > 0;
}

bool IsPlainComment(absl::string_view comment) {
  return std::all_of(comment.begin(), comment.end(), [](char c) {
    return absl::ascii_isprint(static_cast<unsigned char>(c)) && c != '\\';
  });
}

absl::Status NoPublicKey(absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("this is no public key of OpenSSH (TYPE BASE64 COMMENT): ", why));
}

}  // namespace

absl::StatusOr<std::string> ParsePublicKeyFile(absl::string_view content) {
  if (absl::StartsWith(content, "-----BEGIN ")) {
    return NoPublicKey("it is a private key, or a key of another program");
  }
  absl::string_view line = content;
  (void)absl::ConsumeSuffix(&line, "\n");
  (void)absl::ConsumeSuffix(&line, "\r");
  if (line.find_first_of(absl::string_view("\r\n\0", 3)) != absl::string_view::npos) {
    return NoPublicKey("it has more than one line");
  }
  const absl::string_view type = TakeWord(line);
  if (std::find(kKeyTypes.begin(), kKeyTypes.end(), type) == kKeyTypes.end()) {
    return NoPublicKey(
        absl::StrCat("it begins with '", type.substr(0, 64), "', which is no type of key"));
  }
  const absl::string_view key = TakeWord(line);
  if (!IsKeyOfType(key, type)) {
    return NoPublicKey(absl::StrCat("what follows '", type, "' is no key of that type"));
  }
  // A comment says nothing to sshd: one that could trouble a reader is left out.
  if (line.empty() || !IsPlainComment(line)) return absl::StrCat(type, " ", key);
  return absl::StrCat(type, " ", key, " ", line);
}

std::string AuthorizedKeysLine(absl::string_view command, absl::string_view public_key) {
  return absl::StrCat("restrict,command=\"", command, "\" ", public_key);
}

}  // namespace jet::cli
