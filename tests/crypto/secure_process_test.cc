#include "crypto/secure_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>

#include "absl/strings/str_cat.h"
#include "tests/base/child.h"

namespace jet::crypto {
namespace {

// What a process that calls SecureProcess in time gets is secret_memory_test's business.

TEST(SecureProcessTest, ACallAfterTheFirstAllocationIsTooLateAndSaysSo) {
  EXPECT_EQ(test::InChild([] {
              OPENSSL_free(OPENSSL_malloc(1));
              return std::string(SecureProcess(FreedMemory::kWipe) ? "in time" : "too late");
            }),
            "too late");
}

TEST(SecureProcessTest, OtherUsersMayNeitherDumpNorTraceTheProcess) {
  EXPECT_EQ(test::InChild([] {
              const int before = prctl(PR_GET_DUMPABLE);
              (void)SecureProcess(FreedMemory::kKeep);
              return absl::StrCat(before, " then ", prctl(PR_GET_DUMPABLE));
            }),
            "1 then 0");
}

TEST(SecureProcessTest, TheSecureHeapIsOpen) {
  EXPECT_EQ(test::InChild([] {
              (void)SecureProcess(FreedMemory::kKeep);
              return std::string(CRYPTO_secure_malloc_initialized() == 1 ? "open" : "not open");
            }),
            "open");
}

}  // namespace
}  // namespace jet::crypto
