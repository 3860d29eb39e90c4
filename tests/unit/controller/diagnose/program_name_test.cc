#include "controller/diagnose/program_name.h"

#include <gtest/gtest.h>

namespace tcpfleet::controller {
namespace {

TEST(ProgramName, IsTheProcessNameOfMost) {
  EXPECT_EQ(ProgramName("nginx", "nginx: worker process"), "nginx");
  EXPECT_EQ(ProgramName("nginx", ""), "nginx");
  EXPECT_EQ(ProgramName("javac", "/usr/bin/javac Main.java"), "javac");
}

TEST(ProgramName, TellsJavaProgramsApart) {
  EXPECT_EQ(ProgramName("java", "java -Xmx2g -jar /opt/orders/orders.jar --port 80"),
            "java orders.jar");
  EXPECT_EQ(ProgramName("java", "/usr/lib/jvm/bin/java -cp /a.jar:/b.jar -Da=b org.example.Main x"),
            "java org.example.Main");
  EXPECT_EQ(ProgramName("http-nio-8080-A", "java -m shop/org.shop.Main"), "java org.shop.Main");
  EXPECT_EQ(ProgramName("java", "java --add-opens a/b=ALL-UNNAMED Main"), "java Main");
}

TEST(ProgramName, TellsNodeProgramsApart) {
  EXPECT_EQ(ProgramName("MainThread", "node --max-old-space-size=4096 /srv/shop/server.js"),
            "node server.js");
  EXPECT_EQ(ProgramName("node", "/usr/bin/node -r dotenv/config app.js"), "node app.js");
}

TEST(ProgramName, SaysTheRuntimeWhereTheRestIsMissing) {
  EXPECT_EQ(ProgramName("MainThread", "node"), "node");
  EXPECT_EQ(ProgramName("java", "java -cp /very/long"), "java");
  EXPECT_EQ(ProgramName("java", "java -jar"), "java");
  EXPECT_EQ(ProgramName("java", "java -jar /"), "java");
}

TEST(ProgramName, IsBounded) {
  EXPECT_EQ(ProgramName("java", "java " + std::string(4096, 'x')), "java " + std::string(64, 'x'));
}

}  // namespace
}  // namespace tcpfleet::controller
