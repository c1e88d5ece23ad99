#include "ima/pin.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/forked.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/unique_fd.h"
#include "ima/keyring.h"

namespace jet::ima {
namespace {

// exit(0), filled up to 16 bytes with instructions that trap.
using Code = std::array<uint8_t, 16>;

struct Architecture {
  uint16_t machine;
  Code code;
};

// What differs between machines, all of it here.
#if defined(__x86_64__) && !defined(__ILP32__)
constexpr bool kHasProgram = true;
constexpr Architecture kArchitecture = {EM_X86_64,
                                        {0x31, 0xff,                    // xor edi, edi
                                         0xb8, 0x3c, 0x00, 0x00, 0x00,  // mov eax, 60 (__NR_exit)
                                         0x0f, 0x05,                    // syscall
                                         0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc}};  // int3
#elif defined(__aarch64__) && defined(__AARCH64EL__) && !defined(__ILP32__)
constexpr bool kHasProgram = true;
constexpr Architecture kArchitecture = {EM_AARCH64,
                                        {0x00, 0x00, 0x80, 0xd2,    // mov x0, #0
                                         0xa8, 0x0b, 0x80, 0xd2,    // mov x8, #93 (__NR_exit)
                                         0x01, 0x00, 0x00, 0xd4,    // svc #0
                                         0x00, 0x00, 0x20, 0xd4}};  // brk #0
#else
constexpr bool kHasProgram = false;
constexpr Architecture kArchitecture = {};
#endif

// The whole file: no padding anywhere, so that it can be viewed as bytes.
struct Image {
  Elf64_Ehdr header;
  std::array<Elf64_Phdr, 2> segments;
  Code code;
};

constexpr uint64_t kLoadAddress = 0x400000;
constexpr uint64_t kPageSize = 0x10000;  // the largest of either machine

constexpr Elf64_Ehdr MakeHeader() {
  Elf64_Ehdr header = {};
  constexpr unsigned char kIdent[] = {ELFMAG0,    ELFMAG1,     ELFMAG2,    ELFMAG3,
                                      ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ELFOSABI_SYSV};
  for (size_t i = 0; i < sizeof kIdent; ++i) header.e_ident[i] = kIdent[i];
  header.e_type = ET_EXEC;
  header.e_machine = kArchitecture.machine;
  header.e_version = EV_CURRENT;
  header.e_entry = kLoadAddress + offsetof(Image, code);
  header.e_phoff = offsetof(Image, segments);
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 2;
  return header;
}

constexpr Elf64_Phdr MakeCodeSegment() {
  Elf64_Phdr segment = {};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R | PF_X;
  segment.p_vaddr = kLoadAddress;
  segment.p_paddr = kLoadAddress;
  segment.p_filesz = sizeof(Image);
  segment.p_memsz = sizeof(Image);
  segment.p_align = kPageSize;
  return segment;
}

// Without it the kernel would give the program an executable stack, which security modules refuse.
constexpr Elf64_Phdr MakeStackSegment() {
  Elf64_Phdr segment = {};
  segment.p_type = PT_GNU_STACK;
  segment.p_flags = PF_R | PF_W;
  return segment;
}

constexpr auto kProgram = std::bit_cast<std::array<uint8_t, sizeof(Image)>>(
    Image{MakeHeader(), {MakeCodeSegment(), MakeStackSegment()}, kArchitecture.code});

// How far a child got; plain bytes, as they go through a pipe.
struct ExecFailure {
  bool session_joined = false;
  int error_number = 0;
};

// An answer of what is executed would be taken for one of the command.
bool DropOutput() {
  const base::UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  return null.valid() && dup2(null.get(), STDIN_FILENO) >= 0 &&
         dup2(null.get(), STDOUT_FILENO) >= 0 && dup2(null.get(), STDERR_FILENO) >= 0;
}

// What is executed, an open file.
struct Program {
  int fd;
  bool is_bundled;
};

void ExecuteAndReport(const Program& program, int report_fd) {
  ExecFailure failure;
  // From a session that holds only the user keyring the kernel can find no other _ima than the one
  // there: whatever the caller's session keyring holds, or whoever it belongs to.
  const absl::Status joined = JoinSessionOfUserKeyring();
  failure.session_joined = joined.ok();
  failure.error_number = base::ErrnoOf(joined);
  if (joined.ok() && !DropOutput()) failure.error_number = errno;
  if (joined.ok() && failure.error_number == 0) {
    std::string name = "jet-pin";
    std::string option = "--version";
    std::array<char*, 3> arguments = {name.data(), program.is_bundled ? nullptr : option.data(),
                                      nullptr};
    std::array<char*, 1> environment = {nullptr};
    (void)execveat(program.fd, "", arguments.data(), environment.data(), AT_EMPTY_PATH);
    failure.error_number = errno;
  }
  (void)base::WriteAll(report_fd,
                       base::ByteSpan(reinterpret_cast<const uint8_t*>(&failure), sizeof failure),
                       "the pipe");
}

enum class Execution { kRan, kRefused };

// EACCES is IMA's answer, EPERM that of other guards; no other error is a refusal of the content.
absl::StatusOr<Execution> JudgeFailure(const ExecFailure& failure) {
  if (!failure.session_joined) {
    return base::SystemError(failure.error_number,
                             "cannot reach the user keyring for the pin program");
  }
  if (failure.error_number == EACCES || failure.error_number == EPERM) return Execution::kRefused;
  return base::SystemError(failure.error_number, "cannot execute the pin program");
}

absl::StatusOr<Execution> Execute(const Program& program) {
  JET_ASSIGN_OR_RETURN(
      const base::ForkedOutcome outcome,
      base::RunForked([&program](int report_fd) { ExecuteAndReport(program, report_fd); },
                      sizeof(ExecFailure)));
  if (outcome.report.size() == sizeof(ExecFailure)) {
    ExecFailure failure;
    std::memcpy(&failure, outcome.report.data(), sizeof failure);
    return JudgeFailure(failure);
  }
  // The pipe closes without a word when the program takes over: its signature was good. How another
  // program goes on from there, with libraries of its own, proves no more.
  if (!program.is_bundled && outcome.report.empty()) return Execution::kRan;
  if (!outcome.report.empty() || !WIFEXITED(outcome.wait_status) ||
      WEXITSTATUS(outcome.wait_status) != 0) {
    return absl::InternalError(absl::StrCat("the pin program ended with the wait status ",
                                            outcome.wait_status, " instead of exiting with 0"));
  }
  return Execution::kRan;
}

absl::StatusOr<std::string> RandomName() {
  std::array<uint8_t, 8> random = {};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return base::SystemError(errno, "cannot get random bytes");
  }
  return absl::StrCat(".jet-pin-", base::HexEncode(random));
}

// In a folder where others may rename files, the name may lead to another file by now; what is
// executed and signed must be the bundled program, and nobody else's to change.
absl::Status CheckUnchanged(int fd, const std::string& path) {
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd, path));
  base::Bytes content(PinProgram().size() + 1);
  const ssize_t size = pread(fd, content.data(), content.size(), 0);
  if (size < 0) return base::SystemError(errno, absl::StrCat("cannot read '", path, "'"));
  content.resize(static_cast<size_t>(size));
  if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
      base::ByteSpan(content) != PinProgram()) {
    return absl::AbortedError(absl::StrCat("'", path, "' was exchanged by somebody"));
  }
  return absl::OkStatus();
}

// Returns the program in a file that has lost its name already: nothing is left of it afterwards,
// not even when this process is killed.
absl::StatusOr<base::UniqueFd> MakeProgramFile(int folder_fd, const std::string& folder) {
  JET_ASSIGN_OR_RETURN(const std::string name, RandomName());
  const std::string path = absl::StrCat(folder, "/", name);
  absl::Status written = base::WriteNewFileAt(folder_fd, name, /*mode=*/0700, PinProgram());
  if (!written.ok()) return base::Annotate(written, folder);
  // Opened anew to read: a file that is open for writing cannot be executed.
  absl::StatusOr<base::UniqueFd> fd = base::OpenAt(folder_fd, name, O_RDONLY | O_NOFOLLOW);
  if (unlinkat(folder_fd, name.c_str(), 0) != 0) {
    return base::SystemError(errno, absl::StrCat("cannot remove '", path, "'"));
  }
  JET_RETURN_IF_ERROR(fd.status());
  JET_RETURN_IF_ERROR(CheckUnchanged(fd->get(), path));
  return fd;
}

absl::Status CheckExecutionAllowed(int folder_fd, const std::string& folder) {
  struct statvfs file_system = {};
  if (fstatvfs(folder_fd, &file_system) != 0) {
    return base::SystemError(errno, absl::StrCat("cannot look at the file system of ", folder));
  }
  // Its EACCES could not be told from IMA's.
  if ((file_system.f_flag & ST_NOEXEC) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "'", folder,
        "' is on a file system that is mounted noexec: nothing can be executed there"));
  }
  return absl::OkStatus();
}

absl::StatusOr<PinResult> JudgeSigned(Execution execution, bool signed_by_key) {
  if (execution == Execution::kRefused) {
    if (!signed_by_key) return PinResult::kUnproven;
    return absl::FailedPreconditionError(
        "the kernel refused the signed pin program as well as the unsigned one: the key is not in "
        "the keyring that it uses, or it cannot verify keys of this type; if it has already found "
        "another _ima, it keeps that one until the next boot");
  }
  if (signed_by_key) return PinResult::kPinned;
  return absl::FailedPreconditionError(
      "the kernel ran the pin program with a signature that no key made, but not without one: what "
      "refuses unsigned programs here does not verify signatures");
}

// Opens `folder` once it is known that the program could be executed there and would prove
// something.
absl::StatusOr<base::UniqueFd> OpenPinFolder(const std::string& folder) {
  if (PinProgram().empty()) {
    return absl::UnimplementedError("there is no pin program for this machine's instruction set");
  }
  if (geteuid() != 0) {
    return absl::PermissionDeniedError(
        "only root can pin the keyring: the kernel looks it up in the credentials of whoever "
        "executes the signed program");
  }
  JET_ASSIGN_OR_RETURN(base::UniqueFd folder_fd,
                       base::OpenAt(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY));
  JET_RETURN_IF_ERROR(CheckExecutionAllowed(folder_fd.get(), folder));
  return folder_fd;
}

absl::StatusOr<PinSignature> SignProgram(int program_fd, PinSigner sign) {
  absl::StatusOr<PinSignature> signature = sign(program_fd);
  if (signature.ok()) return signature;
  return base::Annotate(signature.status(), "cannot sign the pin program");
}

absl::StatusOr<Execution> ExecuteSigned(int program_fd, const PinSignature& signature) {
  const base::UniqueFd& other = signature.other_program;
  return Execute(other.valid() ? Program{other.get(), false} : Program{program_fd, true});
}

absl::StatusOr<Execution> ExecuteUnsigned(int program_fd) { return Execute({program_fd, true}); }

}  // namespace

absl::StatusOr<PinResult> PinKeyring(const std::string& folder, PinSigner sign) {
  JET_ASSIGN_OR_RETURN(const base::UniqueFd folder_fd, OpenPinFolder(folder));
  JET_ASSIGN_OR_RETURN(const base::UniqueFd control, MakeProgramFile(folder_fd.get(), folder));
  JET_ASSIGN_OR_RETURN(const Execution unsigned_execution, ExecuteUnsigned(control.get()));
  if (unsigned_execution == Execution::kRan) return PinResult::kNotAppraising;
  JET_ASSIGN_OR_RETURN(const base::UniqueFd program, MakeProgramFile(folder_fd.get(), folder));
  JET_ASSIGN_OR_RETURN(const PinSignature signature, SignProgram(program.get(), sign));
  JET_ASSIGN_OR_RETURN(const Execution signed_execution, ExecuteSigned(program.get(), signature));
  return JudgeSigned(signed_execution, signature.by_key);
}

absl::StatusOr<PinResult> PinKeyring(const std::string& folder, PinSigner sign, PolicyLoader load) {
  JET_ASSIGN_OR_RETURN(const base::UniqueFd folder_fd, OpenPinFolder(folder));
  JET_ASSIGN_OR_RETURN(const base::UniqueFd control, MakeProgramFile(folder_fd.get(), folder));
  JET_ASSIGN_OR_RETURN(const Execution before, ExecuteUnsigned(control.get()));
  if (before == Execution::kRefused) {
    return absl::FailedPreconditionError(
        absl::StrCat("unsigned programs are refused in '", folder,
                     "' already: another policy is in force, or a security module is in the way"));
  }
  JET_ASSIGN_OR_RETURN(const base::UniqueFd program, MakeProgramFile(folder_fd.get(), folder));
  JET_ASSIGN_OR_RETURN(const PinSignature signature, SignProgram(program.get(), sign));
  if (!signature.by_key) {
    return absl::FailedPreconditionError(
        "nothing that a key of the keyring signed is at hand to prove the pin with: sign this "
        "program itself");
  }
  JET_RETURN_IF_ERROR(load());
  JET_ASSIGN_OR_RETURN(const Execution signed_execution, ExecuteSigned(program.get(), signature));
  JET_ASSIGN_OR_RETURN(const Execution unsigned_execution, ExecuteUnsigned(control.get()));
  if (unsigned_execution == Execution::kRan) return PinResult::kNotAppraising;
  return JudgeSigned(signed_execution, /*signed_by_key=*/true);
}

base::ByteSpan PinProgram() { return kHasProgram ? base::ByteSpan(kProgram) : base::ByteSpan(); }

}  // namespace jet::ima
