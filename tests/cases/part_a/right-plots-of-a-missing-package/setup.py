from google.colab import output

output.enable_custom_widget_manager()
%matplotlib widget
from typing import Literal

from lab_2_hfl.hfl_complete import *
