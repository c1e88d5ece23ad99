// Many files with signatures changed at random: the same ones for the same seed, but for the keys.
#ifndef JET_TESTS_KERNEL_MUTANTS_H_
#define JET_TESTS_KERNEL_MUTANTS_H_

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "tests/kernel/workshop.h"

namespace jet::kernel {

// What was changed.
enum class Place {
  kHeader,       // one of the 9 bytes before the signature
  kAsn1Lengths,  // how an ECDSA signature says where its numbers end
  kLastBytes,    // one of the last 4 bytes, or what follows them
  kElsewhere,    // the rest of the value, the whole of it, or the file
};

struct Mutant {
  std::string name;
  std::filesystem::path file;  // on the host
  SigningKey key;
  Place place = Place::kElsewhere;
  bool intact = false;  // the signature is good, of the file as it is
  std::string change;   // in words, for the reader of a failure
};

// A key that mutants are signed with.
struct MutantKey {
  std::string name;
  int curve_bits = 0;  // 0 for RSA
};

struct MutantPlan {
  std::string prefix;  // of the names
  uint64_t seed = 0;
  size_t count = 0;
  std::vector<MutantKey> keys;
  std::vector<std::string> key_ids;  // 4 bytes each, that name a key otherwise than its SKI does
};

class Mutants {
 public:
  Mutants(const Workshop& workshop, MutantPlan plan);

  const std::vector<Mutant>& all() const { return mutants_; }

 private:
  struct Subject;

  size_t Pick(size_t count) { return random_() % count; }
  bool Chance(size_t percent) { return Pick(100) < percent; }
  char RandomByte() { return static_cast<char>(Pick(256)); }
  std::string RandomBytes(size_t count);

  void MakeFiles(const Workshop& workshop);
  void Sign(const Workshop& workshop);
  void ChangeAll(const Workshop& workshop);
  Place PickPlace(bool is_ecdsa);

  // One for each place; they say in words what they did.
  std::string ChangeHeader(std::string& value);
  std::string ChangeSize(std::string& value);
  std::string ChangeLengths(std::string& value);
  std::string ChangeLastBytes(std::string& value);
  std::string ChangeElsewhere(Subject& subject);
  std::string ChangeFile(const std::filesystem::path& file);
  std::string ReplaceValue(Subject& subject);

  const MutantPlan plan_;
  std::mt19937_64 random_;
  std::vector<Mutant> mutants_;
};

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_MUTANTS_H_
