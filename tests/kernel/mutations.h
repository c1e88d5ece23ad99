// Changes to a good signature in security.ima, and what the kernel and jet-appraise make of each.
#ifndef JET_TESTS_KERNEL_MUTATIONS_H_
#define JET_TESTS_KERNEL_MUTATIONS_H_

#include <functional>
#include <string>
#include <vector>

namespace jet::kernel {

// Where the fields of a version 2 signature are.
inline constexpr size_t kType = 0;
inline constexpr size_t kVersion = 1;
inline constexpr size_t kHash = 2;
inline constexpr size_t kKeyId = 3;
inline constexpr size_t kSignatureSize = 7;

struct Mutation {
  std::string name;
  std::string verdict;
  std::string cause;
  std::function<void(std::string& attribute)> apply;
};

std::vector<Mutation> Mutations();

// Replaces the key id of a signature by these four bytes.
void SetKeyId(std::string& attribute, const std::string& key_id);

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_MUTATIONS_H_
