#include "sign/manifest.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "base/hex.h"
#include "base/open_beneath.h"
#include "base/status_macros.h"
#include "ima/signature.h"

namespace jet::sign {
namespace {

constexpr char kHeader[] = "jet-manifest 1";
constexpr char kEnd[] = "end ";

// A path of which every byte is escaped, the longest signature in base64, and the short fields.
constexpr size_t kMaxLine =
    2 * kMaxManifestPath + 4 * (std::numeric_limits<uint16_t>::max() / 3 + 1) + 256;

bool IsManifestPath(const std::string& path) {
  return path.size() <= kMaxManifestPath && base::IsBeneath(path);
}

// As sha256sum does: a line whose name holds one of these begins with a backslash.
bool NeedsEscape(absl::string_view path) {
  return path.find_first_of("\n\r\\") != absl::string_view::npos;
}

std::string EscapePath(absl::string_view path) {
  return absl::StrReplaceAll(path, {{"\\", "\\\\"}, {"\n", "\\n"}, {"\r", "\\r"}});
}

absl::optional<std::string> UnescapePath(absl::string_view text) {
  std::string path;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      path.push_back(text[i]);
      continue;
    }
    if (++i == text.size()) return absl::nullopt;
    if (text[i] != '\\' && text[i] != 'n' && text[i] != 'r') return absl::nullopt;
    path.push_back(text[i] == 'n' ? '\n' : text[i] == 'r' ? '\r' : '\\');
  }
  return path;
}

std::string DigestText(const crypto::Digest& digest) {
  return absl::StrCat(crypto::NameOf(digest.algorithm()), ":", base::HexEncode(digest.value()));
}

std::string EncodeLine(const ManifestEntry& entry) {
  const bool escaped = NeedsEscape(entry.path);
  return absl::StrCat(escaped ? "\\" : "", DigestText(entry.digest), " ",
                      ima::KeyIdText(entry.key_id), " ",
                      absl::Base64Escape(base::AsText(entry.signature)), " ",
                      escaped ? EscapePath(entry.path) : entry.path, "\n");
}

absl::StatusOr<std::string> EncodeEnd(size_t entries, absl::string_view lines) {
  JET_ASSIGN_OR_RETURN(const crypto::Digest digest,
                       crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, base::AsBytes(lines)));
  return absl::StrCat(kEnd, entries, " ", DigestText(digest), "\n");
}

absl::optional<crypto::Digest> DecodeDigest(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  const absl::StatusOr<crypto::HashAlgorithm> algorithm = crypto::ParseSigningHash(parts.first);
  const absl::StatusOr<base::Bytes> value = base::HexDecode(parts.second);
  if (!algorithm.ok() || !value.ok()) return absl::nullopt;
  absl::StatusOr<crypto::Digest> digest = crypto::Digest::Make(*algorithm, *value);
  if (!digest.ok()) return absl::nullopt;
  return *std::move(digest);
}

absl::optional<ima::KeyId> DecodeKeyId(absl::string_view text) {
  const absl::StatusOr<base::Bytes> bytes = base::HexDecode(text);
  ima::KeyId key_id;
  if (!bytes.ok() || bytes->size() != key_id.size()) return absl::nullopt;
  std::copy(bytes->begin(), bytes->end(), key_id.begin());
  return key_id;
}

absl::Status BadLine(size_t number, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("line ", number, " of the manifest: ", why));
}

// Reads the fields as laxly as it pleases: what is not their one encoding is refused afterwards.
absl::StatusOr<ManifestEntry> DecodeLine(absl::string_view line, size_t number) {
  absl::string_view rest = absl::StripSuffix(line, "\n");
  const bool escaped = absl::ConsumePrefix(&rest, "\\");
  const std::vector<absl::string_view> fields = absl::StrSplit(rest, absl::MaxSplits(' ', 3));
  if (fields.size() != 4) return BadLine(number, "it has not the four fields of a file");
  const absl::optional<crypto::Digest> digest = DecodeDigest(fields[0]);
  if (!digest.has_value()) return BadLine(number, "its digest cannot be read");
  const absl::optional<ima::KeyId> key_id = DecodeKeyId(fields[1]);
  if (!key_id.has_value()) return BadLine(number, "its key id cannot be read");
  std::string signature;
  if (!absl::Base64Unescape(fields[2], &signature) || signature.empty() ||
      signature.size() > std::numeric_limits<uint16_t>::max()) {
    return BadLine(number, "its signature cannot be read");
  }
  absl::optional<std::string> path = std::string(fields[3]);
  if (escaped) path = UnescapePath(fields[3]);
  if (!path.has_value() || !IsManifestPath(*path)) {
    return BadLine(number, "its path does not name a file below the root");
  }
  ManifestEntry entry{*std::move(path), *digest, *key_id, base::ToBytes(base::AsBytes(signature))};
  if (EncodeLine(entry) != line) return BadLine(number, "it is not written as a manifest's are");
  return entry;
}

// Takes lines off a text, the line feed with each.
class LineReader {
 public:
  explicit LineReader(absl::string_view text) : text_(text) {}

  // nullopt when there is no whole line left, or it is longer than any that is written.
  absl::optional<absl::string_view> Next() {
    const size_t end = text_.substr(position_, kMaxLine).find('\n');
    if (end == absl::string_view::npos) return absl::nullopt;
    const absl::string_view line = text_.substr(position_, end + 1);
    position_ += end + 1;
    ++number_;
    return line;
  }

  size_t number() const { return number_; }  // of the line last read, from 1
  size_t position() const { return position_; }
  bool at_end() const { return position_ == text_.size(); }

 private:
  const absl::string_view text_;
  size_t position_ = 0;
  size_t number_ = 0;
};

absl::Status Incomplete() {
  return absl::DataLossError(
      "the manifest is cut off or damaged: its last line is missing or does not fit the others");
}

}  // namespace

absl::StatusOr<ManifestEntry> MakeManifestEntry(std::string path, const crypto::Digest& digest,
                                                base::ByteSpan value) {
  ima::DecodedXattr decoded = ima::DecodeXattr(value);
  if (decoded.kind() != ima::SignatureKind::kContent ||
      decoded.hash_id != ima::KernelHashId(digest.algorithm())) {
    return absl::InvalidArgumentError("not a signature that a manifest can hold");
  }
  return ManifestEntry{std::move(path), digest, *decoded.key_id, std::move(decoded.payload)};
}

absl::StatusOr<base::Bytes> XattrOf(const ManifestEntry& entry) {
  return ima::EncodeSignature({entry.digest.algorithm(), entry.key_id, entry.signature});
}

absl::StatusOr<std::string> EncodeManifest(std::vector<ManifestEntry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const ManifestEntry& a, const ManifestEntry& b) { return a.path < b.path; });
  std::string text = absl::StrCat(kHeader, "\n");
  const std::string* previous = nullptr;
  for (const ManifestEntry& entry : entries) {
    if (!IsManifestPath(entry.path)) {
      return absl::InvalidArgumentError(
          absl::StrCat("a manifest cannot hold the path '", entry.path, "'"));
    }
    if (previous != nullptr && *previous == entry.path) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", entry.path, "' would be in the manifest twice"));
    }
    absl::StrAppend(&text, EncodeLine(entry));
    previous = &entry.path;
  }
  JET_ASSIGN_OR_RETURN(const std::string end, EncodeEnd(entries.size(), text));
  return text + end;
}

absl::StatusOr<std::vector<ManifestEntry>> DecodeManifest(absl::string_view text) {
  LineReader reader(text);
  absl::optional<absl::string_view> line = reader.Next();
  if (!line.has_value() || *line != absl::StrCat(kHeader, "\n")) {
    return absl::InvalidArgumentError(absl::StrCat("it does not begin with the line '", kHeader,
                                                   "': no manifest of this version"));
  }
  std::vector<ManifestEntry> entries;
  size_t end_position = reader.position();
  for (line = reader.Next(); line.has_value() && !absl::StartsWith(*line, kEnd);
       line = reader.Next()) {
    JET_ASSIGN_OR_RETURN(ManifestEntry entry, DecodeLine(*line, reader.number()));
    if (!entries.empty() && entries.back().path >= entry.path) {
      return BadLine(reader.number(), "its path does not come after that of the line before");
    }
    entries.push_back(std::move(entry));
    end_position = reader.position();
  }
  if (!line.has_value() || !reader.at_end()) return Incomplete();
  JET_ASSIGN_OR_RETURN(const std::string end,
                       EncodeEnd(entries.size(), text.substr(0, end_position)));
  if (*line != end) return Incomplete();
  return entries;
}

}  // namespace jet::sign
