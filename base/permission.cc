#include "base/permission.h"

#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace jet::base {
namespace {

// PROC_USER_INIT_INO of include/linux/proc_ns.h: the inode of the initial user namespace, fixed
// since Linux 3.8.
constexpr ino_t kInitialUserNamespaceInode = 0xEFFFFFFDU;

bool HasEffectiveCapability(unsigned capability) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  // glibc has no wrapper, and libcap would be a dependency for two bits.
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
}

}  // namespace

bool HasCapSysAdmin() { return HasEffectiveCapability(CAP_SYS_ADMIN); }

bool HasCapIpcLock() { return HasEffectiveCapability(CAP_IPC_LOCK); }

UserNamespace OwnUserNamespace() {
  struct stat status = {};
  if (stat("/proc/self/ns/user", &status) == 0) {
    return status.st_ino == kInitialUserNamespaceInode ? UserNamespace::kInitial
                                                       : UserNamespace::kOther;
  }
  // A kernel built without user namespaces has the folder and not the file.
  const bool has_none = errno == ENOENT && stat("/proc/self/ns", &status) == 0;
  return has_none ? UserNamespace::kInitial : UserNamespace::kUnknown;
}

bool InInitialUserNamespace() { return OwnUserNamespace() == UserNamespace::kInitial; }

absl::optional<std::string> ExplainFileFlags(int fd) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return absl::nullopt;
  if ((flags & FS_IMMUTABLE_FL) != 0) {
    return "the file is immutable (chattr -i makes it changeable)";
  }
  if ((flags & FS_APPEND_FL) != 0) {
    return "the file is append-only (chattr -a makes it changeable)";
  }
  return absl::nullopt;
}

std::string ExplainXattrRefusal(int fd, int error_number) {
  if (absl::optional<std::string> flag = ExplainFileFlags(fd); flag.has_value()) return *flag;
  const UserNamespace user_namespace = OwnUserNamespace();
  if (user_namespace == UserNamespace::kOther) {
    return "this process is in a user namespace, where the kernel lets nobody change security.ima, "
           "not even root; 'jet-sign --detached' writes signatures beside the files, to be applied "
           "outside";
  }
  if (!HasCapSysAdmin()) {
    return "changing security.ima needs root (CAP_SYS_ADMIN); without root, 'jet-sign --detached' "
           "writes signatures beside the files";
  }
  if (error_number == EACCES) {
    return "the kernel's IMA refused the value (its policy does not allow this hash algorithm, or "
           "this kernel does not have it loaded), or a security module did";
  }
  if (user_namespace == UserNamespace::kUnknown) {
    return absl::StrCat(std::strerror(error_number),
                        "; no flag or capability explains it: either a security module does, or "
                        "this process is in a user namespace, which cannot be seen without /proc");
  }
  return absl::StrCat(std::strerror(error_number),
                      "; no flag, capability or namespace explains it, so a security module is the "
                      "likely cause");
}

}  // namespace jet::base
