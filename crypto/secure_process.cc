#include "crypto/secure_process.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/permission.h"

namespace jet::crypto {
namespace {

// Room for a handful of private keys and passphrases; the smallest block is 32 bytes. All of it is
// locked into memory at the start, which a single small file has to wait for.
constexpr size_t kSecureHeapSize = 64 * 1024;
constexpr size_t kSecureHeapMinimum = 32;

void* WipingMalloc(size_t size, const char* /*file*/, int /*line*/) { return std::malloc(size); }

void WipingFree(void* memory, const char* /*file*/, int /*line*/) {
  if (memory == nullptr) return;
  explicit_bzero(memory, malloc_usable_size(memory));
  std::free(memory);
}

// realloc() may move the block and leave the old one as it was, so it is not used.
void* WipingRealloc(void* memory, size_t size, const char* file, int line) {
  if (memory == nullptr) return WipingMalloc(size, file, line);
  if (size == 0) {
    WipingFree(memory, file, line);
    return nullptr;
  }
  void* moved = WipingMalloc(size, file, line);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, memory, std::min(size, malloc_usable_size(memory)));
  WipingFree(memory, file, line);
  return moved;
}

// With a limit in force, locking future pages would make ordinary allocations fail later on.
void LockPages() {
  rlimit limit = {};
  const bool unlimited = base::HasCapIpcLock() || (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
                                                   limit.rlim_cur == RLIM_INFINITY);
  // ONFAULT: only pages in use are locked, not the whole stack of every thread.
  if (unlimited) (void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

}  // namespace

bool SecureProcess(FreedMemory freed_memory) {
  (void)prctl(PR_SET_DUMPABLE, 0);
  bool in_time = true;
  if (freed_memory == FreedMemory::kWipe) {
    in_time = CRYPTO_set_mem_functions(WipingMalloc, WipingRealloc, WipingFree) == 1;
  }
  (void)CRYPTO_secure_malloc_init(kSecureHeapSize, kSecureHeapMinimum);
  LockPages();
  // Keys are freed, and wiped, by who holds them. Tearing the whole library down at the end as well
  // is a twentieth of what signing one file costs. A search for leaks needs it: what only the
  // secure heap points to, such as parts of the random generators, would count as lost.
#ifdef __SANITIZE_ADDRESS__
  constexpr uint64_t kAtExit = 0;
#else
  constexpr uint64_t kAtExit = OPENSSL_INIT_NO_ATEXIT;
#endif
  (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | kAtExit, nullptr);
  return in_time;
}

}  // namespace jet::crypto
