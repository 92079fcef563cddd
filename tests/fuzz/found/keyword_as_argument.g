Z = class
