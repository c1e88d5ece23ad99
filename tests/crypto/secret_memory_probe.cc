// Uses a private key as the product does, destroys it, and looks for what is left of it in its own
// memory. The test that runs it is secret_memory_test.cc.
//
// usage: secret_memory_probe wipe|keep|alive file|KEYTYPE
//   wipe   as the product does; keep: without the allocator that wipes; alive: as wipe, but the
//          search comes while the key is still in use
//   file   fd 3: the key file, fd 4: its passphrase, fd 5: what to look for, a line "NAME HEX"
//          each, the bytes XORed with 0x5a so that the probe does not find its own list
//   KEYTYPE  a key of this type is made, and looked for
// stdout: "dumpable N", "signed", then "found NAME" for each NAME of which a piece was found.
// Exit status 0 when all of that was done, 1 otherwise.
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/unique_fd.h"
#include "crypto/digest.h"
#include "crypto/private_key.h"
#include "crypto/secret.h"
#include "crypto/secure_process.h"
#include "crypto/signer.h"
#include "tests/crypto/secret_numbers.h"

namespace jet::crypto {
namespace {

constexpr size_t kLimit = 1 << 20;
constexpr uint64_t kMask64 = test::kSecretMask * 0x0101010101010101ULL;

// A piece counts as found by its 16 bytes; pieces begin every 8 bytes, because the allocator may
// write its own pointers over the beginning of what was freed.
constexpr size_t kPieceSize = 16;
constexpr size_t kPieceStep = 8;

// No mapping of this process is this large but a sanitizer's shadow, which holds no data.
constexpr uint64_t kLargestMapping = uint64_t{1} << 33;

struct Piece {
  uint64_t second_half;  // masked
  std::string name;
};

// The masked pieces by their masked first half, in both byte orders of the value they come from.
using Pieces = std::unordered_multimap<uint64_t, Piece>;

uint64_t Load(const uint8_t* bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

void AddPieces(const std::string& name, const base::Bytes& masked, Pieces& pieces) {
  for (size_t at = 0; at + kPieceSize <= masked.size(); at += kPieceStep) {
    pieces.emplace(Load(&masked[at]), Piece{Load(&masked[at + 8]), name});
  }
}

absl::StatusOr<Pieces> ReadPieces(int fd) {
  absl::StatusOr<Secret> text = ReadSecret(fd, kLimit, "the list");
  if (!text.ok()) return text.status();
  std::istringstream lines{std::string(base::AsText(text->Expose()))};
  Pieces pieces;
  std::string name;
  std::string hex;
  while (lines >> name >> hex) {
    absl::StatusOr<base::Bytes> masked = base::HexDecode(hex);
    if (!masked.ok()) return masked.status();
    AddPieces(name, *masked, pieces);
    // A BIGNUM keeps its words, and on this machine their bytes too, in the opposite order.
    AddPieces(name, base::Bytes(masked->rbegin(), masked->rend()), pieces);
  }
  return pieces;
}

// Looks through `size` bytes of memory that were copied to `bytes`.
void Search(const uint8_t* bytes, size_t size, const Pieces& pieces,
            const std::vector<bool>& begins, std::set<std::string>& found) {
  for (size_t at = 0; at + kPieceSize <= size; ++at) {
    const uint64_t first = Load(bytes + at) ^ kMask64;
    if (!begins[first & 0xffff]) continue;
    const auto [begin, end] = pieces.equal_range(first);
    for (auto piece = begin; piece != end; ++piece) {
      if ((Load(bytes + at + 8) ^ kMask64) == piece->second.second_half) {
        found.insert(piece->second.name);
      }
    }
  }
}

// A range of addresses, from the first to before the second.
using Range = std::pair<uint64_t, uint64_t>;

std::vector<Range> WritableMappings(std::istream& maps) {
  std::vector<Range> mappings;
  std::string line;
  while (std::getline(maps, line)) {
    uint64_t begin = 0;
    uint64_t end = 0;
    char mode[5] = {};
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s", &begin, &end, mode) != 3) continue;
    if (mode[0] == 'r' && mode[1] == 'w' && end - begin < kLargestMapping) {
      mappings.emplace_back(begin, end);
    }
  }
  return mappings;
}

// Returns the parts of `mapping` that have been touched (pagemap, present or swapped): a sanitizer
// reserves much more than that.
std::vector<Range> TouchedParts(int pagemap_fd, const Range& mapping) {
  constexpr uint64_t kTouched = uint64_t{3} << 62;
  const auto page_size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::vector<uint64_t> pages((mapping.second - mapping.first) / page_size);
  const auto offset = static_cast<off_t>(mapping.first / page_size * sizeof(uint64_t));
  const ssize_t count = pread(pagemap_fd, pages.data(), pages.size() * sizeof(uint64_t), offset);
  // Where it cannot be told, everything counts.
  if (count != static_cast<ssize_t>(pages.size() * sizeof(uint64_t))) return {mapping};
  std::vector<Range> parts;
  for (size_t page = 0; page < pages.size(); ++page) {
    if ((pages[page] & kTouched) == 0) continue;
    const uint64_t begin = mapping.first + page * page_size;
    if (parts.empty() || parts.back().second != begin) parts.emplace_back(begin, begin);
    parts.back().second += page_size;
  }
  return parts;
}

// Where a process looks at its own memory. Opened before SecureProcess: a process that may not be
// dumped cannot open these unless it is root.
struct OwnMemory {
  base::UniqueFd bytes{open("/proc/self/mem", O_RDONLY | O_CLOEXEC)};
  base::UniqueFd pagemap{open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)};
  std::ifstream maps{"/proc/self/maps"};
};

// Searches one range. It is read through /proc/self/mem: a sanitizer would trap reads of freed
// memory.
void SearchRange(const Range& range, const OwnMemory& memory, const Pieces& pieces,
                 const std::vector<bool>& begins, std::vector<uint8_t>& window,
                 std::set<std::string>& found) {
  for (uint64_t at = range.first; at + kPieceSize <= range.second;) {
    const size_t wanted = std::min<uint64_t>(window.size(), range.second - at);
    const ssize_t count = pread(memory.bytes.get(), window.data(), wanted, static_cast<off_t>(at));
    if (count < static_cast<ssize_t>(kPieceSize)) break;
    Search(window.data(), static_cast<size_t>(count), pieces, begins, found);
    at += static_cast<uint64_t>(count) - kPieceSize + 1;
  }
}

// Returns the names of which a piece is in any writable memory of this process.
std::set<std::string> SearchEverywhere(const Pieces& pieces, OwnMemory& memory) {
  std::vector<bool> begins(0x10000);
  for (const auto& [first, piece] : pieces) begins[first & 0xffff] = true;
  std::set<std::string> found;
  std::vector<uint8_t> window(1 << 20);
  for (const Range& mapping : WritableMappings(memory.maps)) {
    for (const Range& part : TouchedParts(memory.pagemap.get(), mapping)) {
      SearchRange(part, memory, pieces, begins, window, found);
    }
  }
  return found;
}

struct Options {
  bool wipe = true;
  bool alive = false;
  std::string source;  // "file" or a key type
};

absl::StatusOr<PrivateKey> DecodeFile() {
  JET_ASSIGN_OR_RETURN(const Secret file, ReadSecret(3, kLimit, "the key"));
  return PrivateKey::Decode(file, [] { return ReadSecret(4, kLimit, "the passphrase"); });
}

// Makes a key, writes it as a keystore does, and notes its pieces.
absl::StatusOr<PrivateKey> GenerateKey(const std::string& type_name, Pieces& pieces) {
  JET_ASSIGN_OR_RETURN(const KeyType type, ParseSigningKeyType(type_name));
  JET_ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate(type));
  JET_ASSIGN_OR_RETURN(const Secret passphrase, RandomSecret(32));
  JET_RETURN_IF_ERROR(key.EncryptedPem(passphrase, kRandomKeyIterations).status());
  JET_RETURN_IF_ERROR(key.UnencryptedPem().status());
  for (const test::SecretNumber& number : test::SecretNumbersOf(key)) {
    AddPieces(number.name, number.masked, pieces);
    AddPieces(number.name, base::Bytes(number.masked.rbegin(), number.masked.rend()), pieces);
  }
  return key;
}

absl::Status SignWith(const Signer& signer) {
  JET_ASSIGN_OR_RETURN(const Digest digest,
                       ComputeDigest(HashAlgorithm::kSha256, base::AsBytes("content")));
  JET_ASSIGN_OR_RETURN(const base::Bytes signature, signer.SignDigest(digest));
  return signer.public_key().Verify(digest, signature);
}

// All that the product does with a key; nothing of it is left in scope afterwards. `meanwhile` is
// called while there is.
absl::Status UseKey(const Options& options, Pieces& pieces, absl::FunctionRef<void()> meanwhile) {
  JET_ASSIGN_OR_RETURN(PrivateKey key, options.source == "file"
                                           ? DecodeFile()
                                           : GenerateKey(options.source, pieces));
  JET_ASSIGN_OR_RETURN(const std::unique_ptr<Signer> signer, MakeSigner(std::move(key)));
  JET_RETURN_IF_ERROR(SignWith(*signer));
  absl::Status in_thread;
  std::thread([&] { in_thread = SignWith(*signer); }).join();
  JET_RETURN_IF_ERROR(in_thread);
  meanwhile();
  return absl::OkStatus();
}

absl::Status Run(const Options& options) {
  OwnMemory memory;
  if (!memory.bytes.valid() || !memory.maps) {
    return absl::NotFoundError("no memory to look through");
  }
  if (!SecureProcess(options.wipe ? FreedMemory::kWipe : FreedMemory::kKeep)) {
    return absl::InternalError("the allocator was replaced too late");
  }
  std::cout << "dumpable " << prctl(PR_GET_DUMPABLE) << '\n';
  Pieces pieces;
  if (options.source == "file") {
    JET_ASSIGN_OR_RETURN(pieces, ReadPieces(5));
  }
  std::set<std::string> found;
  const auto search = [&] { found = SearchEverywhere(pieces, memory); };
  JET_RETURN_IF_ERROR(UseKey(options, pieces, [&] {
    if (options.alive) search();
  }));
  std::cout << "signed\n";
  if (pieces.empty()) return absl::InternalError("nothing to look for");
  if (!options.alive) search();
  for (const std::string& name : found) std::cout << "found " << name << '\n';
  return absl::OkStatus();
}

}  // namespace
}  // namespace jet::crypto

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  const std::string mode = argv[1];
  const absl::Status status = jet::crypto::Run({mode != "keep", mode == "alive", argv[2]});
  if (!status.ok()) std::cerr << status << '\n';
  return status.ok() ? 0 : 1;
}
