#include "tests/kernel/mutants.h"

#include <map>
#include <utility>

#include "tests/kernel/command.h"
#include "tests/kernel/ecdsa_forms.h"
#include "tests/kernel/mutations.h"

namespace jet::kernel {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHeaderSize = 9;

std::string Numbered(const std::string& prefix, size_t number) {
  const std::string digits = std::to_string(number);
  return prefix + std::string(5 - digits.size(), '0') + digits;
}

// Makes the size field say what is true.
void FixSize(std::string& value) {
  const size_t size = value.size() - kHeaderSize;
  value[kSignatureSize] = static_cast<char>(size >> 8);
  value[kSignatureSize + 1] = static_cast<char>(size & 0xff);
}

std::string Words(const char* what, size_t number) {
  return std::string(what) + " " + std::to_string(number);
}

}  // namespace

// A mutant on its way: the value that it has and that it will have.
struct Mutants::Subject {
  Mutant& mutant;
  int curve_bits;
  std::string value;
  bool removed = false;
  const std::string* other;  // another mutant's good value
};

Mutants::Mutants(const Workshop& workshop, MutantPlan plan)
    : plan_(std::move(plan)), random_(plan_.seed) {
  MakeFiles(workshop);
  Sign(workshop);
  ChangeAll(workshop);
}

std::string Mutants::RandomBytes(size_t count) {
  std::string bytes;
  while (bytes.size() < count) bytes += RandomByte();
  return bytes;
}

// Sizes around a page are not like the others to who reads in pages.
void Mutants::MakeFiles(const Workshop& workshop) {
  static const std::string program = ReadFile(JET_LAB_PROGRAM);
  static const std::vector<std::string> kHashes = {"sha256", "sha256", "sha384", "sha512"};
  for (size_t number = 1; number <= plan_.count; ++number) {
    Mutant mutant;
    mutant.name = Numbered(plan_.prefix, number);
    mutant.file = workshop.disk() / "rows" / mutant.name;
    mutant.key = {plan_.keys[Pick(plan_.keys.size())].name, kHashes[Pick(kHashes.size())]};
    const size_t to_page = 4096 - program.size() % 4096;
    const size_t extra = Chance(20) ? to_page + Pick(3) - 1 : 8 + Pick(300);
    WriteFile(mutant.file, program + RandomBytes(extra));
    fs::permissions(mutant.file, fs::perms(0755));
    mutants_.push_back(mutant);
  }
}

void Mutants::Sign(const Workshop& workshop) {
  std::map<SigningKey, Paths> groups;
  for (const Mutant& mutant : mutants_) groups[mutant.key].push_back(mutant.file);
  for (const auto& [key, files] : groups) workshop.SignAll(files, key);
}

void Mutants::ChangeAll(const Workshop& workshop) {
  std::map<std::string, int> curves;
  for (const MutantKey& key : plan_.keys) curves[key.name] = key.curve_bits;
  const Attributes good = ReadImaAttributes(workshop.disk() / "rows");
  Attributes changed;
  Paths removed;
  for (Mutant& mutant : mutants_) {
    const std::string& other = good.at(mutants_[Pick(mutants_.size())].file);
    Subject subject = {mutant, curves.at(mutant.key.name), good.at(mutant.file), false, &other};
    mutant.place = PickPlace(subject.curve_bits != 0);
    switch (mutant.place) {
      case Place::kHeader:
        mutant.change = ChangeHeader(subject.value);
        break;
      case Place::kAsn1Lengths:
        mutant.change = ChangeLengths(subject.value);
        break;
      case Place::kLastBytes:
        mutant.change = ChangeLastBytes(subject.value);
        break;
      case Place::kElsewhere:
        mutant.change = ChangeElsewhere(subject);
        break;
    }
    if (subject.removed)
      removed.push_back(mutant.file);
    else
      changed[mutant.file] = subject.value;
  }
  WriteImaAttributes(changed, workshop.disk() / "tmp" / "attributes");
  RemoveImaAttributes(removed);
}

Place Mutants::PickPlace(bool is_ecdsa) {
  const size_t number = Pick(100);
  if (number < 28) return Place::kHeader;
  if (number < 58) return is_ecdsa ? Place::kAsn1Lengths : Place::kHeader;
  return number < 68 ? Place::kLastBytes : Place::kElsewhere;
}

std::string Mutants::ChangeHeader(std::string& value) {
  const size_t at = Pick(kHeaderSize);
  if (at >= kSignatureSize && Chance(60)) return ChangeSize(value);
  if (at >= kKeyId && at < kSignatureSize && Chance(15)) {
    SetKeyId(value, plan_.key_ids[Pick(plan_.key_ids.size())]);
    return "another name of a key";
  }
  const char before = value[at];
  // Small numbers are the ones that mean something.
  value[at] = at < kKeyId && Chance(80) ? static_cast<char>(Pick(24)) : RandomByte();
  if (value[at] == before) value[at] = static_cast<char>(before ^ 1);
  return Words("byte", at) + Words(" is", static_cast<unsigned char>(value[at]));
}

std::string Mutants::ChangeSize(std::string& value) {
  const size_t apart = 1 + Pick(4);
  const size_t size = value.size() - kHeaderSize + (Chance(50) ? apart : -apart);
  value[kSignatureSize] = static_cast<char>(size >> 8);
  value[kSignatureSize + 1] = static_cast<char>(size & 0xff);
  return Words("the size field says", size);
}

// Every part of the form is as DER has it more often than not, so that what is wrong is one thing.
std::string Mutants::ChangeLengths(std::string& value) {
  const std::string header = value.substr(0, kHeaderSize);
  const std::string der = value.substr(kHeaderSize);
  const auto style = [this](size_t forms) {
    LengthStyle length;
    if (Chance(25)) length.form = static_cast<LengthForm>(Pick(forms));
    if (Chance(5)) length.change = static_cast<int>(Pick(5)) - 2;
    return length;
  };
  const auto number = [&] {
    NumberStyle result = {style(5), -1};
    if (Chance(25)) result.zeros = static_cast<int>(Pick(3));
    return result;
  };
  EcdsaForm form;
  form.sequence = style(5);
  form.r = number();
  form.s = number();
  if (form.sequence.form == LengthForm::kIndefinite && Chance(75)) form.inside = {'\0', '\0'};
  if (Chance(5)) form.inside += RandomBytes(1 + Pick(4));
  if (Chance(25)) form.after = RandomBytes(1 + Pick(8));
  value = header + WriteEcdsa(ReadEcdsa(der), form);
  if (value.substr(kHeaderSize) == der) value += '\0';
  if (Chance(90)) FixSize(value);
  return Words("another encoding of", value.size() - kHeaderSize) + " bytes";
}

std::string Mutants::ChangeLastBytes(std::string& value) {
  const size_t count = 1 + Pick(4);
  const size_t kind = Pick(4);
  const bool fixed = Chance(60);
  if (kind == 0) value.erase(value.size() - count);
  if (kind == 1) value += RandomBytes(count);
  if (kind >= 2) {
    char& byte = value[value.size() - count];
    byte = static_cast<char>(byte ^ (1 << Pick(8)));
  }
  if (fixed) FixSize(value);
  static constexpr const char* kKinds[] = {"cut by", "grown by", "a bit from the end",
                                           "a bit from the end"};
  return Words(kKinds[kind], count) + (fixed ? ", the size is true" : "");
}

std::string Mutants::ChangeElsewhere(Subject& subject) {
  std::string& value = subject.value;
  switch (Pick(9)) {
    case 0:
    case 1:
    case 2:
      subject.mutant.intact = true;
      return "nothing but a file of another size";
    case 3:
    case 4:
      return ChangeFile(subject.mutant.file);
    case 5: {
      const size_t at = kHeaderSize + Pick(value.size() - kHeaderSize);
      value[at] = static_cast<char>(value[at] ^ (1 << Pick(8)));
      return Words("a bit of byte", at);
    }
    case 6:
      subject.removed = true;
      return "no value";
    default:
      return ReplaceValue(subject);
  }
}

// The program itself stays, so that it could run.
std::string Mutants::ChangeFile(const fs::path& file) {
  std::string content = ReadFile(file);
  const size_t kind = Pick(3);
  if (kind == 0) content.pop_back();
  if (kind == 1) content += RandomByte();
  if (kind == 2) content[content.size() - 1 - Pick(6)] ^= static_cast<char>(1 << Pick(8));
  WriteFile(file, content);
  static constexpr const char* kKinds[] = {"the file lost a byte", "the file has a byte more",
                                           "a bit of the file"};
  return kKinds[kind];
}

std::string Mutants::ReplaceValue(Subject& subject) {
  std::string& value = subject.value;
  switch (Pick(subject.curve_bits == 0 ? 5 : 7)) {
    case 0:
      value.resize(1 + Pick(value.size() - 1));
      return Words("cut to", value.size());
    case 1:
      value = std::string("\4\4", 2) + RandomBytes(Chance(80) ? 32 : Pick(40));
      return "a digest with the number of its algorithm";
    case 2:
      value = std::string("\1", 1) + RandomBytes(Chance(80) ? 20 : Pick(40));
      return "a digest without the number of its algorithm";
    case 3:
      value = static_cast<char>(1 + Pick(6)) + RandomBytes(Pick(100));
      return "random bytes";
    case 4:
      value = *subject.other;
      return "another file's value";
    default: {
      const EcdsaNumbers numbers = ReadEcdsa(value.substr(kHeaderSize));
      value.resize(kHeaderSize);
      value += WriteEcdsa({numbers.r, OtherS(numbers.s, subject.curve_bits)}, {});
      FixSize(value);
      return "the other s";
    }
  }
}

}  // namespace jet::kernel
