/* stream_queue.cpp - streams are added by a thread of their own while others are compressed.
   Usage: stream_queue ARCHIVE */

#include "Streams.h"

#include <thread>

static const unsigned kNumItems = 30;

static void Produce(IParallelStreamQueue *queue)
{
  for (unsigned i = 0; i < kNumItems; i++)
  {
    const std::string content = SampleContent(i);
    // When the queue is full, this waits until there is room.
    Expect("AddStream", queue->AddStream(new CMemoryInStream(content), SampleName(i).c_str(), content.size()));
  }
}

int main(int argc, char **argv)
{
  if (argc != 2)
    return 2;

  CParallelStreamQueue *const queueObject = new CParallelStreamQueue();
  CMyComPtr<IParallelStreamQueue> queue = queueObject;
  ParallelCompressor_SetNumThreads(queueObject->CompressorHandle(), 2);
  queue->SetMaxQueueSize(4);

  Expect("StartProcessing", queue->StartProcessing(CMyComPtr<ISequentialOutStream>(new CFileOutStream(argv[1]))));
  std::thread producer(Produce, queue.Interface());
  producer.join();
  Expect("WaitForCompletion", queue->WaitForCompletion());

  UInt32 processed = 0, failed = 0, pending = 0;
  Expect("GetStatus", queue->GetStatus(&processed, &failed, &pending));
  printf("stream_queue: %u processed, %u failed, %u pending\n", processed, failed, pending);
  return processed == kNumItems && failed == 0 && pending == 0 ? 0 : 1;
}
