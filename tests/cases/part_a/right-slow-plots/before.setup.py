%load_ext autoreload
%autoreload 2
