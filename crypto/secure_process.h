// Prepares a process that will hold private keys.
#ifndef JET_CRYPTO_SECURE_PROCESS_H_
#define JET_CRYPTO_SECURE_PROCESS_H_

namespace jet::crypto {

// What becomes of memory that libcrypto gives back.
enum class FreedMemory {
  kWipe,  // libcrypto's memory is overwritten before it is freed
  kKeep,  // for the test that proves that the wiping is what removes keys from memory
};

// Keeps keys from leaving this process: OpenSSL's allocator wipes what it frees, its secure heap is
// opened, no configuration file or module of OpenSSL is loaded, core dumps and ptrace by other
// users are off (PR_SET_DUMPABLE 0), and, where the limit allows, no page is swapped out.
//
// Call once, as the first thing in main(): the allocator can be replaced only before libcrypto's
// first allocation; returns false when it was too late for that. What the limits of the process do
// not allow (locking pages) is left out, as it is hardening and not a promise.
bool SecureProcess(FreedMemory freed_memory = FreedMemory::kWipe);

}  // namespace jet::crypto

#endif  // JET_CRYPTO_SECURE_PROCESS_H_
