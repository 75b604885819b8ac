/* expected.cpp - writes the sample items that the example programs archive, to be compared.
   Usage: expected DIRECTORY COUNT [NUMBER_TO_LEAVE_OUT] */

#include "../../examples/cpp/Streams.h"

int main(int argc, char **argv)
{
  if (argc < 3)
    return 2;
  const int leftOut = argc > 3 ? atoi(argv[3]) : -1;
  for (int i = 0; i < atoi(argv[2]); i++)
  {
    if (i == leftOut)
      continue;
    const unsigned number = static_cast<unsigned>(i);
    const std::wstring name = SampleName(number);
    const std::string content = SampleContent(number);
    FILE *file = fopen((std::string(argv[1]) + "/" + std::string(name.begin(), name.end())).c_str(), "wb");
    if (!file || fwrite(content.data(), 1, content.size(), file) != content.size() || fclose(file) != 0)
      return 1;
  }
  return 0;
}
