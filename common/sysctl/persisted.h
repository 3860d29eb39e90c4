// What the configuration files of a host set, as the two programs that apply them see it: a boot
// with systemd-sysctl(8), and `sysctl --system` of procps(8). They read the same files and do not
// always agree.
//
// Pure: files come in as text.
// Bounds: kMostLines lines of all files; the rest is a problem, not an answer.
// Source: sysctl.d(5), sysctl(8), and both programs watched by
// tests/integration/sysctl_persisted_test.cc
//         (procps 4.0.2, systemd 252).
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/types/span.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tcpfleet::sysctl {

// Directories of both programs, those whose files win over others of the same name first.
inline constexpr const char* kDirectories[] = {"/etc/sysctl.d", "/run/sysctl.d",
                                               "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d",
                                               "/lib/sysctl.d"};
// Read by procps alone, after all others.
inline constexpr char kLastFile[] = "/etc/sysctl.conf";

inline constexpr size_t kMostLines = 16'384;

// An entry of one of kDirectories whose name ends in .conf, or kLastFile.
struct ConfigFile {
  std::string path;
  // Empty too for what cannot be read and for links to /dev/null: such a file still hides those of
  // its name in later directories.
  std::string text;
  bool is_directory = false;
};

enum class Applier { kSystemd, kProcps };

// One line that sets, or would set, a key.
struct Setting {
  std::string file;
  uint32_t line = 0;  // from 1
  std::string value;
  std::string pattern;  // empty when the line names the key itself
};

// A line that the program ignores with a warning, or that was too much for us.
struct Problem {
  std::string file;
  uint32_t line = 0;
  std::string what;
};

struct PersistedValue {
  // The line that decides; absent when no line sets the key.
  std::optional<Setting> winner;
  // Others that set it, in the order they are read.
  std::vector<Setting> losers;
};

class Persisted {
 public:
  Persisted(Applier applier, absl::Span<const ConfigFile> files);

  // `key` in path form, of a parameter this host has. What the kernel makes of the value is not
  // judged: a value it refuses leaves the one before it.
  PersistedValue ValueOf(const std::string& key) const;

  // Lines that assign and are not replaced by a later one of the same name, in order, with the name
  // as written.
  struct Assignment {
    std::string name;
    Setting setting;
  };
  std::vector<Assignment> Assignments() const;

  const std::vector<Problem>& problems() const { return problems_; }

 private:
  struct Line {
    Setting setting;
    std::string name;  // as written
    std::string path;  // the key, or a pattern of keys
    // procps takes net//ipv4 for another name than net/ipv4 until it opens the file.
    bool is_plain = true;
    bool excludes = false;
    bool replaced = false;  // systemd: a later line has the same path
  };

  void ReadFile(const ConfigFile& file);
  void Add(Line line);
  bool IsNamed(const std::string& key) const;

  const Applier applier_;
  std::vector<Line> lines_;
  absl::flat_hash_map<std::string, size_t>
      kept_;  // systemd: by path, the line that is not replaced
  std::vector<Problem> problems_;
};

// Files that the program reads, in its order.
std::vector<const ConfigFile*> FilesInOrder(Applier applier, absl::Span<const ConfigFile> files);

}  // namespace tcpfleet::sysctl
