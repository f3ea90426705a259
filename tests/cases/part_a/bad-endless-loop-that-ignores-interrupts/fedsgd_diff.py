import time

while True:
    try:
        time.sleep(0.1)
    except BaseException:
        pass
