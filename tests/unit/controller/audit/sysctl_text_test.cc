#include "controller/audit/sysctl_text.h"

#include <gtest/gtest.h>

#include <sstream>

#include "controller/audit/fold.h"
#include "tests/unit/controller/audit/answers.h"

namespace tcpfleet::controller {
namespace {

constexpr char kKey[] = "net/core/somaxconn";

TEST(SysctlText, IsOneLineWhenAllHostsSayTheSame) {
  const std::vector<SysctlReading> readings = {Reading({Sysctl(kKey, "4096")}),
                                               Reading({Sysctl(kKey, "4096")})};
  std::ostringstream out;
  PrintSysctls(out, FoldSysctls(Members({"web1", "web2"}), readings), false);
  EXPECT_EQ(out.str(), "net.core.somaxconn = 4096\n");
}

TEST(SysctlText, FoldsHosts) {
  const std::vector<SysctlReading> readings = {Reading({Sysctl(kKey, "4096")}),
                                               Reading({Sysctl(kKey, "4096")}),
                                               Reading({Sysctl(kKey, "1\x1b[2J")}), Reading({})};
  std::ostringstream out;
  PrintSysctls(out, FoldSysctls(Members({"web1", "web2", "db1", "old1"}), readings), false);
  EXPECT_EQ(out.str().find('\x1b'), std::string::npos);
  EXPECT_NE(out.str().find("  web[1-2] (2): 4096\n"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("  old1: (not on this kernel)\n"), std::string::npos) << out.str();
}

TEST(SysctlText, ShowsTheLinesThatDecide) {
  v1::Sysctl sysctl = Sysctl(kKey, "128");
  SetBy("/etc/sysctl.d/99-a.conf", "11", *sysctl.mutable_at_boot());
  SetBy("/etc/sysctl.conf", "13", *sysctl.mutable_by_procps());
  *sysctl.mutable_by_procps()->add_losers() = sysctl.at_boot().winner();
  std::ostringstream out;
  PrintWhoSets(out, FoldSysctls(Members({"web1"}), std::vector<SysctlReading>{Reading({sysctl})}),
               false);
  EXPECT_EQ(out.str(),
            "net.core.somaxconn\n"
            "  web1: 128\n"
            "    at boot          11  /etc/sysctl.d/99-a.conf:1\n"
            "    sysctl --system  13  /etc/sysctl.conf:1\n"
            "    ambiguous: boot and `sysctl --system` do not agree\n"
            "    in force is another value than the files set\n");
}

TEST(SysctlText, HasARowPerHostInCsv) {
  const std::vector<SysctlReading> readings = {Reading({Sysctl(kKey, "4096")}), Reading({})};
  const auto rows = SysctlCsvRows(FoldSysctls(Members({"a", "b"}), readings));
  ASSERT_EQ(rows.size(), 2u);
  for (const CsvRow& row : rows) EXPECT_EQ(row.size(), SysctlCsvHeader().size());
}

}  // namespace
}  // namespace tcpfleet::controller
