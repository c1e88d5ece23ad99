#include "appraise/file_facts.h"

#include <elf.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/bytes.h"
#include "base/elf_sections.h"
#include "base/file.h"
#include "base/fs_verity.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/xattr.h"

namespace jet::appraise {
namespace {

constexpr char kSecurityEvm[] = "security.evm";
constexpr size_t kMaxMountinfo = 4 * 1024 * 1024;

absl::Status ReadFileSystem(int fd, FileFacts& facts) {
  struct statfs system = {};
  struct statvfs mount = {};
  if (fstatfs(fd, &system) != 0 || fstatvfs(fd, &mount) != 0) {
    return base::SystemError(errno, "cannot tell which file system it is on");
  }
  // Of the type's 32 bits, which some machines extend with the sign.
  facts.file_system_magic = static_cast<uint32_t>(system.f_type);
  facts.mounted_noexec = (mount.f_flag & ST_NOEXEC) != 0;
  facts.mounted_read_only = (mount.f_flag & ST_RDONLY) != 0;
  return absl::OkStatus();
}

absl::StatusOr<absl::optional<std::string>> ReadFileSystemName(int fd) {
  JET_ASSIGN_OR_RETURN(const base::Bytes about,
                       base::ReadFile(absl::StrCat("/proc/self/fdinfo/", fd), kMaxMountinfo));
  JET_ASSIGN_OR_RETURN(const base::Bytes mounts,
                       base::ReadFile("/proc/self/mountinfo", kMaxMountinfo));
  for (absl::string_view line : absl::StrSplit(base::AsText(about), '\n')) {
    int mount_id = 0;
    if (!absl::ConsumePrefix(&line, "mnt_id:") || !absl::SimpleAtoi(line, &mount_id)) continue;
    return FileSystemOfMount(base::AsText(mounts), mount_id);
  }
  return absl::optional<std::string>();
}

// fs/proc_namespace.c (show_type) appends a mount's subtype.
std::string WithoutSubtype(absl::string_view type) {
  const absl::string_view name = type.substr(0, type.find('.'));
  return std::string(name == "fuse" || name == "fuseblk" ? name : type);
}

// False only for an ELF file that has no section of symbols.
absl::StatusOr<bool> HasSymbolTable(int fd, base::FileKind kind) {
  if (kind != base::FileKind::kElf) return true;
  std::array<uint8_t, base::kFileKindBytes> header;
  const ssize_t size = pread(fd, header.data(), header.size(), 0);
  if (size < 0) return base::SystemError(errno, "cannot read the file");
  bool found = false;
  JET_RETURN_IF_ERROR(
      base::ReadElfSections(fd, base::ByteSpan(header.data(), static_cast<size_t>(size)),
                            [&found](const base::ElfSection& section) {
                              found = section.type == SHT_SYMTAB;
                              return !found;
                            }));
  return found;
}

}  // namespace

absl::optional<std::string> FileSystemOfMount(absl::string_view mountinfo, int mount_id) {
  const std::string wanted = absl::StrCat(mount_id, " ");
  for (absl::string_view line : absl::StrSplit(mountinfo, '\n')) {
    if (!absl::ConsumePrefix(&line, wanted)) continue;
    // Blanks in names are written as \040, so this is what ends the optional fields.
    const size_t end = line.find(" - ");
    if (end == absl::string_view::npos) return absl::nullopt;
    const absl::string_view rest = line.substr(end + 3);
    return WithoutSubtype(rest.substr(0, rest.find(' ')));
  }
  return absl::nullopt;
}

absl::StatusOr<FileFacts> ReadFileFacts(int fd, base::FileKind kind) {
  FileFacts facts;
  facts.kind = kind;
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd, "the file"));
  facts.mode = status.st_mode;
  facts.owner = status.st_uid;
  facts.group = status.st_gid;
  facts.changed = absl::TimeFromTimespec(status.st_mtim);
  JET_RETURN_IF_ERROR(ReadFileSystem(fd, facts));
  JET_ASSIGN_OR_RETURN(facts.has_symbol_table, HasSymbolTable(fd, kind));
  const absl::StatusOr<absl::optional<base::VerityMeasurement>> verity = base::MeasureVerity(fd);
  if (verity.ok()) facts.verity_enabled = verity->has_value();
  const absl::StatusOr<absl::optional<std::string>> name = ReadFileSystemName(fd);
  if (name.ok()) {
    facts.file_system_name = *name;
  } else {
    facts.unreadable.emplace_back(name.status().message());
  }
  const absl::StatusOr<std::vector<std::string>> attributes = base::ListXattrs(fd);
  if (attributes.ok()) {
    facts.has_evm =
        std::find(attributes->begin(), attributes->end(), kSecurityEvm) != attributes->end();
  } else {
    facts.unreadable.emplace_back(attributes.status().message());
  }
  return facts;
}

}  // namespace jet::appraise
